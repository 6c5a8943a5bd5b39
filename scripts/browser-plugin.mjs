// For bundles that run in a page: what reads files is left out (it is given its data by provideAssets), and nothing of Node may be left.
import path from 'node:path';

const WITHOUT_FILES = {
  'src/assets/node-assets.ts': 'export const nodeAssets = undefined;',
  'emu/malta/default-image.ts':
    'export function defaultImage() { throw new Error("MachineOptions.image: there is no default image in a page"); }',
};

/** A module of Node that survives tree shaking would fail where it is used, in words. */
const NO_NODE = `const missing = (name) => new Proxy(function () {}, {
  get: () => { throw new Error(name + " is not there in a page"); },
  apply: () => { throw new Error(name + " is not there in a page"); } });
module.exports = missing`;

export const browserPlugin = {
  name: 'browser',
  setup({ onLoad, onResolve, initialOptions }) {
    const root = initialOptions.absWorkingDir;
    onLoad({ filter: /(node-assets|default-image)\.ts$/ }, ({ path: file }) => {
      const contents = WITHOUT_FILES[path.relative(root, file).replaceAll('\\', '/')];
      return contents === undefined ? undefined : { contents, loader: 'js' };
    });
    onResolve({ filter: /^node:|^koffi$/ }, ({ path: name }) => ({
      path: name,
      namespace: 'no-node',
      sideEffects: false,
    }));
    onLoad({ filter: /.*/, namespace: 'no-node' }, ({ path: name }) => ({
      contents: `${NO_NODE}(${JSON.stringify(name)});`,
      loader: 'js',
    }));
  },
};
