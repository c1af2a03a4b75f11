import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { freePort } from '../free-port.ts'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox, withImap } from './mailbox-reader.ts'
import { inFolder } from './run-client.ts'

const program = '/usr/share/roundcube'
const missing =
  (!existsSync(`${program}/index.php`) && 'no Roundcube (Debian: roundcube-core, roundcube-sqlite3)') ||
  (spawnSync('php', ['-r', 'exit(extension_loaded("pdo_sqlite") ? 0 : 1);']).status !== 0 &&
    'no php with SQLite (Debian: php-cli, php-sqlite3)')

/** A configuration of its own, an SQLite file of its own, nothing of this machine's. */
function configureRoundcube(
  folder: string,
  ports: { readonly imap: number; readonly submission: number },
): void {
  for (const name of ['config', 'temp', 'logs']) mkdirSync(join(folder, name))
  for (const name of ['defaults.inc.php', 'mimetypes.php'])
    if (existsSync(`/etc/roundcube/${name}`))
      symlinkSync(`/etc/roundcube/${name}`, join(folder, 'config', name))
  const tls = `['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]]`
  writeFileSync(
    join(folder, 'config', 'config.inc.php'),
    `<?php
$config = [];
$config['db_dsnw'] = 'sqlite:///${folder}/roundcube.db?mode=0600';
$config['imap_host'] = 'tls://127.0.0.1:${ports.imap}';
$config['smtp_host'] = 'tls://127.0.0.1:${ports.submission}';
$config['imap_conn_options'] = ${tls};
$config['smtp_conn_options'] = ${tls};
$config['smtp_user'] = '%u';
$config['smtp_pass'] = '%p';
$config['des_key'] = 'posthorn-test-24-letters';
$config['temp_dir'] = '${folder}/temp';
$config['log_dir'] = '${folder}/logs';
$config['plugins'] = [];
$config['language'] = 'en_US';
$config['skin'] = 'elastic';
`,
  )
  const made = spawnSync('php', [
    '-r',
    `$db = new PDO('sqlite:${folder}/roundcube.db'); $db->exec(file_get_contents('${program}/SQL/sqlite.initial.sql'));`,
  ])
  assert.equal(made.status, 0, made.stderr.toString())
}

/** A browser as far as this test needs one: cookies, forms, and the answers of Roundcube's scripts. */
class Browser {
  readonly #origin: string
  readonly #cookies = new Map<string, string>()
  token = ''

  constructor(port: number) {
    this.#origin = `http://127.0.0.1:${port}/`
  }

  async #fetch(query: string, form?: Readonly<Record<string, string>>): Promise<Response> {
    const response = await fetch(`${this.#origin}${query}`, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: {
        cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'x-roundcube-request': this.token,
      },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
      signal: AbortSignal.timeout(60_000),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      this.#cookies.set(name, value)
    }
    return response
  }

  /** The page, redirections followed. */
  async page(query: string, form?: Readonly<Record<string, string>>): Promise<string> {
    let response = await this.#fetch(query, form)
    for (let turn = 0; turn < 5 && response.status === 302; turn++)
      response = await this.#fetch((response.headers.get('location') ?? '').replace(/^.*\//, ''))
    const text = await response.text()
    // 401: the page of a login that was refused.
    assert.ok([200, 401].includes(response.status), `${response.status} ${text.slice(0, 500)}`)
    this.token = /"request_token":"([^"]+)"/.exec(text)?.[1] ?? this.token
    return text
  }

  /** What a script would be told to do. */
  async remote(query: string, form?: Readonly<Record<string, string>>): Promise<string> {
    const text = await (await this.#fetch(`${query}&_remote=1&_unlock=0`, form)).text()
    const { exec } = JSON.parse(text) as { readonly exec?: string }
    return exec ?? ''
  }

  async logIn(user: string, password: string): Promise<string> {
    const form = await this.page('?_task=login')
    const token = /name="_token" value="([^"]+)"/.exec(form)?.[1] ?? ''
    return await this.page('?_task=login', {
      _token: token,
      _task: 'login',
      _action: 'login',
      _timezone: 'UTC',
      _url: '',
      _user: user,
      _pass: password,
    })
  }
}

async function withRoundcube(
  ports: { readonly imap: number; readonly submission: number },
  use: (port: number, folder: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    configureRoundcube(folder, ports)
    const port = await freePort()
    const output = openSync(join(folder, 'php.log'), 'a')
    const php: ChildProcess = spawn('php', ['-S', `127.0.0.1:${port}`, '-t', program], {
      env: { PATH: process.env['PATH'] ?? '', ROUNDCUBE_CONFIG_DIR: join(folder, 'config') },
      stdio: ['ignore', output, output],
    })
    closeSync(output)
    const gone = once(php, 'exit')
    try {
      await eventually('php', async () => {
        assert.equal(php.exitCode, null, readFileSync(join(folder, 'php.log'), 'utf8'))
        return await fetch(`http://127.0.0.1:${port}/skins/elastic/meta.json`).then(
          async (response) => await response.text(),
          () => undefined,
        )
      })
      await use(port, folder)
    } finally {
      php.kill()
      await gone
    }
  })
}

const subject = 'Grüße aus dem Garten'

describe('U9: Roundcube', { skip: missing }, () => {
  test('logs in, lists, shows, sends with a copy in Sent, searches, deletes', async () => {
    const server = await startForClients({ disable_plaintext_auth: 'yes', smtpd_tls_auth_only: 'yes' })
    try {
      await withImap(server.ports.imap, alice, async (client) => {
        const text = `From: Bob <bob@example.org>\r\nTo: alice@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus dem Garten\r\nMessage-ID: <garden@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nDie Äpfel sind reif.\r\n`
        await client.append('INBOX', Buffer.from(text))
        await client.append(
          'INBOX',
          Buffer.from(text.replace(/Subject:.*\r\n/, 'Subject: Something else\r\n')),
        )
      })
      await withRoundcube(server.ports, async (port) => {
        const refused = new Browser(port)
        assert.match(await refused.logIn(alice.address, 'wrong'), /Login failed/)

        const browser = new Browser(port)
        assert.match(await browser.logIn(alice.address, alice.password), /"task":"mail"/)
        const folders = await browser.page('?_task=mail&_mbox=INBOX')
        for (const name of ['Inbox', 'Drafts', 'Sent', 'Junk', 'Trash'])
          assert.match(folders, new RegExp(`>${name}<`), name)
        const list = await browser.remote('?_task=mail&_action=list&_mbox=INBOX')
        assert.match(list, /add_message_row\(1,.*Grüße aus dem Garten/)
        assert.match(list, /add_message_row\(2,.*Something else/)
        const shown = await browser.page('?_task=mail&_action=show&_uid=1&_mbox=INBOX')
        assert.match(shown, new RegExp(subject))
        assert.match(shown, /Die Äpfel sind reif\./)

        const found = await browser.remote(
          `?_task=mail&_action=search&_interval=&_q=${encodeURIComponent('Grüße')}&_headers=subject&_filter=ALL&_scope=base&_mbox=INBOX`,
        )
        assert.match(found, /add_message_row\(1,/)
        assert.doesNotMatch(found, /add_message_row\(2,/)

        await send(browser)
        await eventually('the message at bob', async () => {
          const messages = await readMailbox(server.ports.imap, bob)
          return messages.some(({ source }) => source.includes('From the web')) ? true : undefined
        })
        const sent = await readMailbox(server.ports.imap, alice, 'Sent')
        assert.match(sent[0]?.source.toString() ?? '', /Subject: From the web/)

        const moved = await browser.remote('?_task=mail&_action=move', {
          _uid: '2',
          _mbox: 'INBOX',
          _target_mbox: 'Trash',
          _from: '',
        })
        assert.match(moved, /set_quota|set_unread_count|remove_row|display_message/)
        assert.equal((await readMailbox(server.ports.imap, alice, 'Trash')).length, 1)
        assert.deepEqual(
          (await readMailbox(server.ports.imap, alice)).map(({ uid, flags }) => [
            uid,
            flags.includes('\\Seen'),
          ]),
          [[1, true]],
        )
      })
    } finally {
      await server.stop()
    }
  })
})

async function send(browser: Browser): Promise<void> {
  const compose = await browser.page('?_task=mail&_action=compose&_to=bob%40example.org')
  const id = /name="_id" value="([^"]+)"/.exec(compose)?.[1] ?? ''
  const from = /<option value="(\d+)"[^>]*>[^<]*alice@example\.org/.exec(compose)?.[1] ?? ''
  assert.notEqual(id, '', compose.slice(0, 2000))
  const answer = await browser.page('?_task=mail&_action=send&_framed=1&_lang=en_US', {
    _token: browser.token,
    _task: 'mail',
    _action: 'send',
    _id: id,
    _attachments: '',
    _from: from,
    _to: 'bob@example.org',
    _cc: '',
    _bcc: '',
    _subject: 'From the web',
    _message: 'Hello Bob,\nfrom a browser.',
    _is_html: '0',
    _store_target: 'Sent',
    _draft_saveid: '',
    _draft: '',
    _priority: '0',
  })
  assert.match(answer, /sent_successfully|Message sent successfully/)
}
