import assert from 'node:assert/strict'
import { it } from 'node:test'
import { editMainCf, type MainCfEdit } from './edit-main-cf.ts'
import { parseMainCf } from './main-cf.ts'

it('Postfix: postconf(5), the syntax of main.cf', () => {
  const rows: readonly [string, readonly (readonly [string, string, number])[]][] = [
    ['', []],
    ['a = b\n', [['a', 'b', 1]]],
    ['a=b', [['a', 'b', 1]]],
    ['a =', [['a', '', 1]]],
    ['a = "b"', [['a', '"b"', 1]]],
    ['a = b # no comment', [['a', 'b # no comment', 1]]],
    ['# c\n\n  # c\na = b', [['a', 'b', 4]]],
    [
      'a = b,\n# inner\n\n    c,\n\td\ne = f',
      [
        ['a', 'b, c, d', 1],
        ['e', 'f', 6],
      ],
    ],
    ['a =\n b', [['a', 'b', 1]]],
    [
      'a = b\r\nc = d\r\n',
      [
        ['a', 'b', 1],
        ['c', 'd', 2],
      ],
    ],
    [
      'a = 1\na = 2',
      [
        ['a', '1', 1],
        ['a', '2', 2],
      ],
    ],
    ['a = b = c', [['a', 'b = c', 1]]],
    ['\ufeffa = b', [['a', 'b', 1]]],
    ['a  =  x   y\t z ', [['a', 'x y z', 1]]],
  ]
  for (const [text, expected] of rows) {
    const { entries, problems } = parseMainCf(text)
    assert.deepEqual(
      entries.map(({ name, value, line }) => [name, value, line]),
      expected,
      JSON.stringify(text),
    )
    assert.deepEqual(problems, [])
  }
})

it('faults are told with their line', () => {
  const rows: readonly [string, number, RegExp][] = [
    ['a = b\nbad', 2, /missing '=' after attribute name: "bad"/],
    ['= x', 1, /missing attribute name: "= x"/],
    ['a b = c', 1, /missing '=' after attribute name: "a b"/],
    ['service imap-login {\n  inet_listener imap {\n    port = 0\n  }\n}', 1, /blocks in braces/],
  ]
  for (const [text, line, message] of rows) {
    const { problems } = parseMainCf(text)
    assert.equal(problems[0]?.line, line)
    assert.match(problems[0]?.message ?? '', message)
  }
})

it('Postfix: postconf -e, -X and -# keep comments and order', () => {
  const before =
    '# head\nmyhostname = a\nmydestination = b,\n# inner\n    c,\n\n\td\nrelayhost =\nrelayhost = x\n'
  const rows: readonly [readonly MainCfEdit[], string][] = [
    [
      [{ kind: 'set', name: 'mydestination', value: 'z' }],
      '# head\nmyhostname = a\nmydestination = z\n# inner\n\nrelayhost =\nrelayhost = x\n',
    ],
    [[{ kind: 'set', name: 'biff', value: 'no' }], `${before}biff = no\n`],
    [
      [{ kind: 'remove', name: 'relayhost' }],
      '# head\nmyhostname = a\nmydestination = b,\n# inner\n    c,\n\n\td\n',
    ],
    [
      [{ kind: 'comment', name: 'mydestination' }],
      '# head\nmyhostname = a\n#mydestination = b,\n# inner\n#    c,\n\n#\td\nrelayhost =\nrelayhost = x\n',
    ],
    [[{ kind: 'remove', name: 'nosuch' }], before],
  ]
  for (const [edits, after] of rows) assert.equal(editMainCf(before, edits).text, after)
  assert.deepEqual(editMainCf(before, [{ kind: 'set', name: 'relayhost', value: 'y' }]).repeated, [
    'relayhost',
  ])
  assert.equal(editMainCf('', [{ kind: 'set', name: 'a', value: 'b' }]).text, 'a = b\n')
  assert.equal(editMainCf('x = 1', [{ kind: 'set', name: 'a', value: 'b' }]).text, 'x = 1\na = b\n')
})
