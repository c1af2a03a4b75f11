import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCli } from '../../cli.ts'
import { createShellFixture } from '../shell-fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'posthorn-multi-'))
after(() => rmSync(folder, { recursive: true }))
writeFileSync(join(folder, 'main.cf'), `data_directory = ${folder}/data\n`)

async function postmulti(...args: readonly string[]) {
  const environment = { PATH: process.env['PATH'] ?? '', POSTHORN_CONFIG: join(folder, 'main.cf') }
  const shell = createShellFixture({ input: '', environment })
  const code = await runCli('postmulti', args, shell, async () => 0)
  return { code, out: shell.output(), err: shell.errors() }
}

test('Postfix: postmulti(1): the one instance is listed, and commands are run for it', async () => {
  const listed = { code: 0, out: `-               -               y         ${folder}\n`, err: '' }
  for (const args of [['-l'], ['-l', '-a'], ['-l', '-i', '-'], ['-R', '-l']])
    assert.deepEqual(await postmulti(...args), listed)
  const noMatch = { code: 1, out: '', err: 'postmulti: fatal: No matching instances\n' }
  assert.deepEqual(await postmulti('-l', '-g', 'outgoing'), noMatch)
  assert.deepEqual(await postmulti('-i', 'postfix-out', '-p', 'status'), noMatch)
  assert.match((await postmulti('-i', '-', '-p', 'status')).err, /the Postfix mail system is not running/)
  const told = join(folder, 'told')
  const ran = await postmulti(
    '-i',
    '-',
    '-x',
    '/bin/sh',
    '-c',
    `echo "$MAIL_CONFIG $data_directory" > ${told}; exit 3`,
  )
  assert.equal(ran.code, 3)
  assert.equal(readFileSync(told, 'utf8'), `${folder} ${folder}/data\n`)
})

test('Postfix: postmulti -e: says how there is another instance', async () => {
  for (const action of ['init', 'create', 'enable', 'destroy']) {
    const { code, err } = await postmulti('-e', action, '-I', 'postfix-out')
    assert.equal(code, 1, action)
    assert.match(err, /another instance is another main\.cf/, action)
  }
  assert.match(
    (await postmulti('-e', 'create', '-I', 'postfix-out')).err,
    /make \/etc\/postfix-out\/main\.cf/,
  )
  assert.match((await postmulti('-e', 'paint')).err, /Invalid -e edit action 'paint'/)
  assert.match((await postmulti('-l', '-p', 'status')).err, /only one of/)
  assert.match((await postmulti()).err, /usage: /)
})
