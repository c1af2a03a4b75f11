import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { it } from 'node:test'
import { transportSuffixes } from '../transport-parameters.ts'
import { parameters } from './schema.ts'

const source = new URL('../../', import.meta.url).pathname
const readers = globSync('**/*.ts', { cwd: source }).filter(
  (file) => !/config\/schema\/|\.test\.ts$|generated|config\/known\.ts$|fixture/.test(file),
)
const words = new Set(readers.flatMap((file) => readFileSync(source + file, 'utf8').match(/\w+/g) ?? []))
/** What another parameter's default leads to is read by way of it. */
const inDefaults = new Set(parameters.values().flatMap((one) => one.default.match(/(?<=\$)\w+/g) ?? []))

/** Read under the name of each transport. */
const isOfTransport = (name: string): boolean => transportSuffixes.some((suffix) => name.endsWith(suffix))

it('a parameter that nothing reads says so: it is never ignored in silence', () => {
  for (const [name, { effect, instead, twin }] of parameters) {
    if (instead !== undefined) continue
    if (words.has(twin ?? name) || isOfTransport(name))
      assert.notEqual(effect, 'later', `${name} is read now: take \`effect: 'later'\` from its declaration`)
    else if (!inDefaults.has(name))
      assert.notEqual(effect, undefined, `${name} is read by nothing: declare \`effect: 'later'\``)
  }
})

it('every parameter is documented in a sentence', () => {
  for (const [name, { doc }] of parameters) assert.match(doc, /^[A-Z`0-9].*[.:)`]$/s, name)
})
