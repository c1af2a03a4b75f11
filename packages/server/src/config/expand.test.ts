// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax under test
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ExpansionError, expand, namesIn } from './expand.ts'

const values: Record<string, string> = {
  a: 'A',
  b: '$a.b',
  empty: '',
  level: '3.10',
  loop: '$loop',
  up: '$down',
  down: '$up',
}
const lookup = (name: string) => values[name]

it('Postfix: postconf(5), $name in a value', () => {
  const rows: readonly [string, string][] = [
    ['', ''],
    ['plain', 'plain'],
    ['$a', 'A'],
    ['x$a,$b', 'xA,A.b'],
    ['${a}', 'A'],
    ['$(a)', 'A'],
    ['$$a', '$a'],
    ['$nosuch', ''],
    ['${a?yes}', 'yes'],
    ['${empty?yes}', ''],
    ['${nosuch?yes}', ''],
    ['${a:no}', 'A'],
    ['${empty:no}', 'no'],
    ['${nosuch:$a}', 'A'],
    ['${a?{yes}:{no}}', 'yes'],
    ['${empty?{yes}:{no $b}}', 'no A.b'],
    ['${a?{${nosuch?{x}:{deep}}}:{no}}', 'deep'],
    ['${{$a} == {A} ? {eq} : {ne}}', 'eq'],
    ['${{$a} != {A} ? {ne} : {eq}}', 'eq'],
    ['${{$level} <level {3.9} ? {old} : {new}}', 'new'],
    ['${{$level} >=level {3.10} ? {new} : {old}}', 'new'],
    ['${stress?{10}:{300}}s', '300s'],
  ]
  for (const [text, expected] of rows) assert.equal(expand(text, lookup), expected, text)
})

it('what cannot be expanded is an error, soon', () => {
  for (const text of ['$loop', '$up', '${a', '$(a', '$', '$ a', '${}', '${a b}', '${{$a} ~ {b} ? {c}}']) {
    assert.throws(() => expand(text, lookup), ExpansionError, text)
  }
  const bomb: Record<string, string> = { x0: 'x'.repeat(100) }
  for (let i = 1; i < 40; i++) bomb[`x${i}`] = `$x${i - 1}$x${i - 1}`
  assert.throws(() => expand('$x39', (name) => bomb[name]), ExpansionError)
})

it('names that a value uses', () => {
  assert.deepEqual(namesIn('$a ${b?{$c}:{d}} $(e) x$$f'), ['a', 'b', 'c', 'e', 'f'])
})
