import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillIn, matchLine, type Variables } from './pattern.ts'

const rows: readonly [pattern: string, line: string, expect: boolean][] = [
  ['+OK', '+OK', true],
  ['+OK', '+OK ', false],
  ['+OK', '-ERR', false],
  ['+OK ...', '+OK anything at all', true],
  ['+OK 1.5 (x)', '+OK 105 (x)', false],
  ['a...z', 'az', true],
  ['$$5', '$5', true],
  ['', '', true],
  ['', 'x', false],
]

for (const [pattern, line, expect] of rows)
  test(`${JSON.stringify(pattern)} ${expect ? 'is' : 'is not'} ${JSON.stringify(line)}`, () => {
    assert.equal(matchLine(pattern, line, new Map(), 'exact'), expect)
  })

test('a name is bound where it is met first and compared from then on', () => {
  const variables: Variables = new Map()
  assert.ok(matchLine('1 $a', '1 x7', variables, 'exact'))
  assert.ok(!matchLine('2 $a', '2 x8', variables, 'exact'))
  assert.ok(matchLine('2 $a', '2 x7', variables, 'exact'))
  assert.ok(matchLine('$b and $b', 'y and y', variables, 'exact'))
  assert.ok(!matchLine('$c and $c', 'y and z', variables, 'exact'))
  assert.ok(!variables.has('c'), 'a line that does not match binds nothing')
  assert.equal(fillIn('UIDL $a $$', variables), 'UIDL x7 $')
  assert.throws(() => fillIn('$unknown', variables), /not bound/)
})
