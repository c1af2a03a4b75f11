import assert from 'node:assert/strict'
import { it } from 'node:test'
import { getopt } from './getopt.ts'

it('getopt(3)', () => {
  const rows: readonly [readonly string[], readonly (readonly [string, string])[], readonly string[]][] = [
    [[], [], []],
    [
      ['-nx', 'a', '-b'],
      [
        ['n', ''],
        ['x', ''],
      ],
      ['a', '-b'],
    ],
    [['-c', 'dir', 'a'], [['c', 'dir']], ['a']],
    [
      ['-cdir', '-n'],
      [
        ['c', 'dir'],
        ['n', ''],
      ],
      [],
    ],
    [
      ['-nc', 'dir'],
      [
        ['n', ''],
        ['c', 'dir'],
      ],
      [],
    ],
    [['-n', '--', '-x'], [['n', '']], ['-x']],
    [['-n', '-', 'a'], [['n', '']], ['-', 'a']],
  ]
  for (const [args, flags, rest] of rows) {
    const options = getopt(args, 'nxc:', 'usage')
    assert.deepEqual(
      options.flags.map(({ flag, value }) => [flag, value]),
      flags,
      args.join(' '),
    )
    assert.deepEqual(options.rest, rest, args.join(' '))
  }
  assert.throws(() => getopt(['-q'], 'n', 'x [-n]'), {
    notice: "invalid option -- 'q'",
    message: 'usage: x [-n]',
  })
  assert.throws(() => getopt(['-c'], 'c:', 'x'), { notice: "option requires an argument -- 'c'" })
  assert.throws(() => getopt(['-:'], 'c:', 'x'), { notice: "invalid option -- ':'" })
})
