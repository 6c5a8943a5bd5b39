// `npm run boot-sim`: the story, told by running it.
export {};
