// Whether JSON on standard input is as a JSON schema says, by ajv: `node schema.mjs MODULES SCHEMA`.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(process.argv[2] + '/');
const Ajv = require('ajv/dist/2020').default;
// Widths of numbers are Rust's own word, and no judge's business.
const validate = new Ajv({ allErrors: true, strict: false, validateFormats: false, logger: false })
  .compile(JSON.parse(readFileSync(process.argv[3], 'utf8')));
if (!validate(JSON.parse(readFileSync(0, 'utf8')))) {
  console.error(JSON.stringify(validate.errors, null, 2));
  process.exit(1);
}
