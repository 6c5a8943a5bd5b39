// The generator lives in emu, which imports nothing from here: the board draws from it too.
export { Random } from '../emu/random.js';
