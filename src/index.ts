// The library's exports.
export { Random } from './random.js';
export { UsageError, EngineMissingError } from './errors.js';
