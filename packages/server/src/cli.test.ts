import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { runCli } from './cli.ts'
import { createCliFixture, runCommand } from './cli-fixture.ts'
import { createShellFixture } from './commands/shell-fixture.ts'

const cli = createCliFixture()
after(() => cli.remove())
const { folder, root } = cli
const bin = new URL('../../../bin/', import.meta.url).pathname

/** The executable, by a launcher or a link to one. */
function launch(program: string, args: readonly string[], input = '') {
  const { PATH = '' } = process.env
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8', env: { PATH } })
  return { code: status, out: stdout, err: stderr }
}

describe('commands without a server', () => {
  it('wrong use is told and ends with 64 or as the original does', async () => {
    const rows: readonly [string, readonly string[], number][] = [
      ['posthorn', ['bogus'], 64],
      ['posthorn', ['user'], 64],
      ['posthorn', ['user', 'add'], 64],
      ['posthorn', ['--help'], 0],
      ['posthorn', ['--version'], 0],
      ['postqueue', [], 69],
      ['postqueue', ['-q'], 69],
      ['postsuper', ['-z'], 1],
      ['postcat', [], 0],
      ['postcat', ['-z'], 1],
      ['postmap', [], 1],
      ['postfix', ['bogus'], 1],
      ['postfix', [], 1],
    ]
    for (const [name, args, code] of rows) {
      const result = await runCommand(name, args)
      assert.equal(result.code, code, `${name} ${args.join(' ')}`)
      assert.notEqual(result.out + result.err, '')
    }
  })

  it('a command in a wrong folder makes no store there', async () => {
    const path = join(root, 'empty')
    mkdirSync(path)
    const shell = createShellFixture({ environment: { POSTHORN_DATA_DIRECTORY: path } })
    assert.equal(await runCli('posthorn', ['user', 'list'], shell, async () => 0), 78)
    assert.match(shell.errors(), /there is no mail system in .*\/empty yet/)
    assert.deepEqual(readdirSync(path), [])
    const adding = createShellFixture({ environment: { POSTHORN_DATA_DIRECTORY: path }, input: 'x\n' })
    assert.equal(await runCli('posthorn', ['user', 'add', 'a@b.test'], adding, async () => 0), 0)
  })

  it('start hands over to the server', async () => {
    assert.equal((await runCommand('posthorn', ['start'])).code, 42)
  })
})

describe('launchers', () => {
  it('work by their names, by links from elsewhere, and as subcommands', () => {
    const path = folder()
    const elsewhere = join(root, 'postconf')
    symlinkSync(join(bin, 'postconf'), elsewhere)
    const expected = { code: 0, out: 'myorigin = example.org\n', err: '' }
    assert.deepEqual(launch(join(bin, 'postconf'), ['-c', path, 'myorigin']), expected)
    assert.deepEqual(launch(elsewhere, ['-c', path, 'myorigin']), expected)
    assert.deepEqual(launch(join(bin, 'posthorn'), ['postconf', '-c', path, 'myorigin']), expected)
  })

  it('end quietly when nobody reads on', () => {
    const { code, err } = launch('/bin/sh', ['-c', `${join(bin, 'postconf')} -c ${folder()} | head -1`])
    assert.deepEqual([code, err], [0, ''])
  })

  it('read standard input and give exit codes', () => {
    const path = folder()
    assert.equal(
      launch(join(bin, 'posthorn'), ['-c', path, 'user', 'add', 'alice'], 'secret\n').out,
      'alice@example.org: added\n',
    )
    assert.equal(launch(join(bin, 'sendmail'), ['-C', path, 'alice@example.org'], 'hi\n').code, 0)
    assert.equal(launch(join(bin, 'postqueue'), []).code, 69)
    assert.match(readFileSync(join(path, 'main.cf'), 'utf8'), /^myhostname/)
  })
})
