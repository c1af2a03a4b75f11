/** Gnus in Emacs: nnimap, which synchronises with QRESYNC and splits mail on its side, and smtpmail. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox, withImap } from './mailbox-reader.ts'
import { inFolder, mustRun } from './run-client.ts'

let server: MailServer

before(async () => {
  server = await startForClients()
  await withImap(server.ports.imap, alice, async (client) => {
    for (let n = 0; n < 8; n += 1)
      await client.append(
        'INBOX',
        `From: bob@example.org\r\nTo: alice@example.org\r\nSubject: letter ${n}\r\nMessage-ID: <gnus.${n}@example.org>\r\n` +
          `Date: Sat, 21 Nov 2026 10:0${n}:00 +0100\r\nContent-Type: text/plain; charset=utf-8\r\n` +
          `Content-Transfer-Encoding: 8bit\r\n\r\nZeile ${n}: äöü\r\n.dot\r\n`,
        [],
      )
  })
})
after(async () => await server.stop())

/** Emacs asks about certificates on the terminal, which a batch run has not. */
const settings = (ports: MailServer['ports'], stream: 'starttls' | 'tls'): string => `
(require 'nsm) (advice-add 'nsm-verify-connection :override (lambda (process &rest _) process))
(require 'gnus) (require 'gnus-start) (require 'gnus-msg) (require 'nnimap) (require 'smtpmail)
(setq auth-sources (list (expand-file-name "~/.authinfo")) gnutls-verify-error nil
  gnus-select-method '(nnnil "") gnus-novice-user nil gnus-interactive-exit nil gnus-expert-user t gnus-agent nil
  gnus-use-dribble-file nil gnus-message-highlight-citation nil gnus-message-archive-group "nnimap+p:Sent"
  user-mail-address "${alice.address}" user-full-name "Alice"
  message-send-mail-function 'smtpmail-send-it smtpmail-smtp-server "127.0.0.1" smtpmail-smtp-user "${alice.address}"
  smtpmail-smtp-service ${stream === 'tls' ? ports.submissions : ports.submission} smtpmail-stream-type '${stream}
  gnus-secondary-select-methods '((nnimap "p" (nnimap-address "127.0.0.1") (nnimap-user "${alice.address}")
    (nnimap-server-port ${stream === 'tls' ? ports.imaps : ports.imap}) (nnimap-stream ${stream}) (nnimap-inbox "INBOX")
    (nnimap-split-methods (("split.Seven" "^Subject:.*letter 7") ("INBOX" ""))))))
(defun say (what) (princ (format "%s\\n" what)))
(defun open-inbox () (set-buffer gnus-group-buffer) (gnus-group-read-group t t "nnimap+p:INBOX") (set-buffer gnus-summary-buffer))
`

const work = `
(gnus)
(dolist (name '("Neu" "Ärger/Sub")) (gnus-request-create-group (concat "nnimap+p:" name) (gnus-server-to-method "nnimap:p")))
(dolist (name '("INBOX" "Neu" "Ärger/Sub")) (gnus-subscribe-group (concat "nnimap+p:" name) nil))
(gnus-group-get-new-news)
(open-inbox)
(gnus-summary-goto-article 2) (gnus-summary-show-article)
(say (with-current-buffer gnus-article-buffer (buffer-string)))
(set-buffer gnus-summary-buffer)
(gnus-summary-tick-article 2)
(gnus-summary-goto-article 3) (gnus-summary-copy-article nil "nnimap+p:Neu")
(gnus-summary-goto-article 4) (gnus-summary-move-article nil "nnimap+p:Ärger/Sub")
(gnus-summary-goto-article 5) (gnus-summary-delete-article)
(gnus-summary-goto-article 6) (gnus-summary-mark-as-expirable 1)
(gnus-summary-exit)
(gnus-group-read-ephemeral-search-group nil
  '((search-query-spec (query . "\\"Zeile 1: äöü\\"")) (search-group-spec ("nnimap:p" "nnimap+p:INBOX"))))
(set-buffer gnus-summary-buffer) (say (concat "found:" (buffer-string))) (gnus-summary-exit)
(set-buffer gnus-group-buffer)
(gnus-group-goto-group "nnimap+p:Neu") (gnus-group-rename-group "nnimap+p:Neu" "nnimap+p:Neuer")
(gnus-setup-message 'message (message-mail "${bob.address}" "aus Gnus äöü"))
(goto-char (point-max)) (insert "Hallo äöü\\n.\\n..dot\\n") (message-send)
(set-buffer gnus-group-buffer)
(gnus-group-delete-group "nnimap+p:split.Seven" t t)
(gnus-group-exit)
`

const lookAgain = `
(gnus)
(open-inbox)
(say (buffer-string))
(gnus-summary-exit)
(set-buffer gnus-group-buffer)
(gnus-group-exit)
`

test('Gnus: splits, reads, marks, copies, moves, searches, renames, sends; a later run sees what others changed', async () => {
  const { ports } = server
  await inFolder(async (folder) => {
    const login = `login ${alice.address} password "${alice.password}"\n`
    writeFileSync(join(folder, '.authinfo'), `machine p ${login}machine 127.0.0.1 ${login}`, { mode: 0o600 })
    const emacs = async (stream: 'starttls' | 'tls', script: string): Promise<string> => {
      writeFileSync(join(folder, 'run.el'), `;; -*- coding: utf-8 -*-\n${settings(ports, stream)}${script}`)
      return (await mustRun('emacs', ['-Q', '--batch', '-l', 'run.el'], { cwd: folder })).stdout
    }
    const said = await emacs('starttls', work)
    assert.match(said, /Subject: letter 1\n.*\n\nZeile 1: äöü\n\.dot\n/s)
    assert.match(said, /found:.*letter 1/)

    const inbox = await readMailbox(ports.imap, alice)
    const bySubject = inbox.map(({ source, flags }) => [
      /^Subject: letter (\d)/m.exec(source.toString())?.[1],
      ...flags.filter((flag) => flag !== '\\Recent').sort(),
    ])
    assert.deepEqual(bySubject, [
      ['0'],
      ['1', '\\Flagged', '\\Seen'],
      ['2', '\\Seen'],
      ['5', '\\Seen', 'gnus-expire'],
      ['6'],
    ])
    const names = await withImap(ports.imap, alice, async (client) => {
      await client.mailboxOpen('INBOX')
      await client.messageFlagsAdd('1', ['\\Answered', '\\Seen'])
      await client.messageDelete('5')
      return (await client.list()).map(({ path }) => path)
    })
    assert.deepEqual(names.filter((name) => /Neu|Sub|split/.test(name)).sort(), ['Neuer', 'Ärger/Sub'])
    for (const name of ['Neuer', 'Ärger/Sub', 'Sent'])
      assert.equal((await readMailbox(ports.imap, alice, name)).length, 1, name)

    const later = await emacs('tls', lookAgain)
    assert.match(later, /^OA.*letter 0$/m)
    assert.match(later, /^!.*letter 1$/m)
    assert.match(later, /^E .*letter 5$/m)
    assert.doesNotMatch(later, /letter [3467]/)
  })
  await eventually('the message', async () => {
    const found = await readMailbox(ports.imap, bob)
    return found.some(({ source }) => source.includes('Subject: aus Gnus')) || undefined
  })
  const [sent] = (await readMailbox(ports.imap, bob)).map(({ source }) => source.toString())
  const encoded = sent?.split('\r\n\r\n')[1]?.trim() ?? ''
  assert.equal(Buffer.from(encoded, 'base64').toString().replaceAll('\r\n', '\n'), 'Hallo äöü\n.\n..dot\n')
})
