import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openStoreWith } from '../../packages/storage/src/open-store.ts'
import { assertNothingRuns, command, createSite, inFolder, type Site, startServer } from './running-server.ts'

interface Row {
  readonly title: string
  /** Lines of main.cf; may prepare files. */
  readonly lines: (site: Site) => string | Promise<string>
  /** What standard error holds, one message with its remedy. */
  readonly wanted: RegExp
}

const rows: readonly Row[] = [
  {
    title: 'a line without =',
    lines: () => 'smtpd_banner Hello',
    wanted: /main\.cf:15: missing '=' after attribute name: "smtpd_banner Hello"/,
  },
  {
    title: 'an unknown parameter',
    lines: () => 'mydestinatoin = example.org',
    wanted: /main\.cf:15: .*mydestinatoin.*did you mean.*mydestination/i,
  },
  {
    title: 'a value that is none',
    lines: () => 'message_size_limit = large',
    wanted: /main\.cf:15: message_size_limit = large: /,
  },
  {
    title: 'an unknown restriction',
    lines: () => 'smtpd_recipient_restrictions = permit_mynetworks, rejct',
    wanted: /main\.cf:15: smtpd_recipient_restrictions.*rejct/,
  },
  {
    title: 'a table that cannot be read',
    lines: () => 'virtual_alias_maps = regexp:/nonexistent/virtual',
    wanted: /main\.cf:15: virtual_alias_maps: .*\/nonexistent\/virtual/,
  },
  {
    title: 'a certificate that is not there',
    lines: () => 'ssl_cert = </nonexistent/cert.pem\nssl_key = </nonexistent/key.pem',
    wanted: /main\.cf:15: ssl_cert: .*\/nonexistent\/cert\.pem: .*ENOENT[^\n]*\n[^\n]*ssl_cert/,
  },
  {
    title: 'a certificate that is none',
    lines: ({ folder }) => {
      writeFileSync(join(folder, 'cert.pem'), 'not a certificate')
      return `smtpd_tls_cert_file = ${folder}/cert.pem`
    },
    wanted:
      /main\.cf:15: smtpd_tls_cert_file: .*cert\.pem does not hold a PEM certificate[^\n]*\n[^\n]*replace/,
  },
  {
    title: 'a data folder below a file',
    lines: ({ folder }) => {
      writeFileSync(join(folder, 'file'), '')
      return `data_directory = ${folder}/file/data`
    },
    wanted: /data folder .*\/file\/data: ENOTDIR[^\n]*\n[^\n]*data_directory/,
  },
  {
    title: 'a data folder on a file system that makes no folders',
    lines: () => 'data_directory = /proc/posthorn/data',
    wanted: /data folder \/proc\/posthorn\/data: ENOENT[^\n]*\n[^\n]*data_directory/,
  },
  {
    title: 'a faulty line of master.cf',
    lines: ({ folder }) => {
      writeFileSync(join(folder, 'master.cf'), 'smtp inet n - n - -\n')
      return ''
    },
    wanted: /master\.cf:1: bad field count[^\n]*\n[^\n]*mend .*\/master\.cf /,
  },
  {
    title: 'an address that is not ours',
    lines: () => 'inet_interfaces = 203.0.113.77',
    wanted: /main\.cf:15: Cannot listen on 203\.0\.113\.77[^\n]*\n[^\n]*correct inet_interfaces/,
  },
  {
    title: 'a log file that cannot be written',
    lines: ({ folder }) => `maillog_file = ${folder}`,
    wanted: /maillog_file = .*: EISDIR[^\n]*\n[^\n]*writable/,
  },
  {
    title: 'a store of a newer version',
    lines: async ({ dataFolder }) => {
      const directory = join(dataFolder, 'store')
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      await (await openStoreWith({ storeVersion: 999 }, { directory })).close()
      return ''
    },
    wanted: /store in .* has version 999, [^\n]*\n[^\n]*newer program/,
  },
  {
    title: 'a mail_owner that does not exist',
    lines: () => 'mail_owner = nobody-of-this-name',
    wanted: /mail_owner = nobody-of-this-name: no such user[^\n]*\n[^\n]*useradd/,
  },
]

describe('what an administrator must mend is one message, exit code 1, and nothing listens', () => {
  for (const { title, lines, wanted } of rows)
    for (const workers of [1, 2])
      test(`${title} (${workers} workers)`, {
        skip: title.includes('mail_owner') && process.getuid?.() !== 0 && 'not root',
      }, async () => {
        await inFolder(async (folder) => {
          const site = await createSite(folder)
          site.configure(`${await lines(site)}\nworkers = ${workers}`)
          const { code, out, err } = await command(site, ['start'])
          assert.match(err, wanted)
          assert.doesNotMatch(err, /^ +at /m, 'no stack')
          assert.doesNotMatch(out, /ready|welcome/i)
          assert.equal(code, 1)
          await assertNothingRuns(site)
        })
      })

  for (const workers of [1, 2])
    test(`a port in use (${workers} workers)`, async () => {
      await inFolder(async (folder) => {
        const site = await createSite(folder, `workers = ${workers}`)
        const other = createServer()
        await new Promise<void>((resolve) => other.listen(site.ports.imap, '127.0.0.1', resolve))
        const { code, err } = await command(site, ['start'])
        await new Promise((resolve) => other.close(resolve))
        assert.match(
          err,
          new RegExp(`main\\.cf:\\d+: .*127\\.0\\.0\\.1:${site.ports.imap}.*in use \\(imap_port\\)`),
        )
        assert.match(err, /\n.*(stop|choose|another)/)
        assert.equal(code, 1)
        await assertNothingRuns(site)
      })
    })

  test('a data folder that this user may not write', {
    skip: process.getuid?.() !== 0 && 'not root',
  }, async () => {
    await inFolder(async (folder) => {
      const site = await createSite(folder)
      chmodSync(folder, 0o755)
      const { code, err } = await command(site, ['start'], { uid: 65_534 })
      assert.match(err, /cannot write to the data folder .*\/data: EACCES\n.*data_directory/)
      assert.equal(code, 1)
      await assertNothingRuns(site)
    })
  })

  test('a second server on the same folder, which does not harm the first', async () => {
    await inFolder(async (folder) => {
      const site = await createSite(folder)
      const first = await startServer(site)
      const { code, err } = await command(site, ['start'])
      assert.match(err, new RegExp(`running on .* already \\(pid ${first.pid}\\)\\n.*posthorn stop`))
      assert.equal(code, 1)
      assert.equal((await command(site, ['status'])).code, 0)
      assert.equal((await command(site, ['stop'])).out, 'stopped\n')
      assert.equal((await first.ended).code, 0)
      await assertNothingRuns(site)
      assert.equal((await command(site, ['status'])).code, 3)
    })
  })
})
