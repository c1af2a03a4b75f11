import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

/** Programs call these for each message, containers and monitors every minute: they cannot wait for the whole server's code. */
const light = [
  'postfix/sendmail.ts',
  'postfix/mailq.ts',
  'postfix/postqueue.ts',
  'postfix/postfix.ts',
  'postfix/postconf.ts',
  'posthorn/server.ts',
  'posthorn/who.ts',
  'dovecot/doveadm/doveadm.ts',
  'dovecot/doveadm/logins.ts',
]
const heavy =
  /\/packages\/(?:storage|mta|smtp|imap|pop3|accounts)\/src\/index\.ts|node_modules\/(?:lmdb|smtp-server|nodemailer)\//

/** What is loaded with a module. */
function loadedWith(module: string): string[] {
  const script = `import { registerHooks } from 'node:module'
registerHooks({ load(url, context, next) { console.log(url); return next(url, context) } })
await import(process.argv[1])`
  const path = new URL(module, import.meta.url).href
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', script, path],
    { encoding: 'utf8' },
  )
  assert.equal(status, 0, stderr)
  return stdout.split('\n')
}

for (const module of light) {
  test(`${module} is loaded without the server's packages`, () => {
    const loaded = loadedWith(module)
    assert.ok(
      loaded.some((url) => url.endsWith(module)),
      'it is loaded itself',
    )
    assert.deepEqual(
      loaded.filter((url) => heavy.test(url)),
      [],
    )
  })
}
