// What @aws-cdk/cloudformation-diff says of pairs of templates: [{name, old, new}] in, [{name, resources}] out.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(process.argv[2] + '/');
const { fullDiff } = require('@aws-cdk/cloudformation-diff');

const told = (pair) => {
  const began = process.hrtime.bigint();
  const diff = fullDiff(pair.old, pair.new);
  const micros = Number((process.hrtime.bigint() - began) / 1000n);
  const resources = {};
  diff.resources.forEachDifference((id, change) => {
    resources[id] = { impact: change.changeImpact, properties: Object.keys(change.propertyUpdates ?? {}) };
  });
  const outputs = Object.keys(diff.outputs.changes);
  return { name: pair.name, resources, outputs, micros };
};

const pairs = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(pairs.map(told)));
