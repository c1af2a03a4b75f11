import { closeSync, fdatasyncSync, fsyncSync, openSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { encodeMailboxName } from '@posthorn/imap'
import type { Mailbox } from '@posthorn/storage'
import { withLf } from '../import/line-ends.ts'
import { formatMaildirFlags } from '../import/maildir/file-name.ts'
import { formatDovecotUidList } from '../import/maildir/uid-list.ts'
import { makeFolders } from '../make-folders.ts'
import type { ExportedMessage, MailboxWriter } from './export-mailboxes.ts'

/** Letters for keywords: a to z. */
const maxKeywords = 26

/**
 * One folder of a Maildir++ with what Dovecot keeps beside it, so that its clients go on under the same UIDs:
 * `dovecot-uidlist`, `dovecot-keywords`. Lines end in LF, as Maildirs have them.
 */
export function createMaildirWriter(root: string, mailbox: Mailbox): MailboxWriter {
  const path = maildirPath(root, mailbox.name)
  for (const folder of ['cur', 'new', 'tmp']) makeFolders(join(path, folder), 0o700)
  const keywords: string[] = []
  const files: [uid: number, base: string, pop3Id: string | undefined][] = []
  return {
    write(message) {
      const base = baseName(mailbox, message)
      const slots = slotsOf(keywords, message.keywords)
      writeMessage(join(path, 'cur', `${base}${formatMaildirFlags(message.system, slots)}`), message)
      files.push([message.uid, base, message.pop3Id])
    },
    end() {
      const { uidValidity, uidNext } = mailbox
      writeFileSync(join(path, 'dovecot-uidlist'), formatDovecotUidList({ uidValidity, uidNext, files }), {
        mode: 0o600,
      })
      if (keywords.length > 0)
        writeFileSync(
          join(path, 'dovecot-keywords'),
          keywords.map((name, slot) => `${slot} ${name}\n`).join(''),
          { mode: 0o600 },
        )
      // Maildir++: says that this is a folder, not an account.
      if (mailbox.name !== 'INBOX') writeFileSync(join(path, 'maildirfolder'), '', { mode: 0o600 })
      syncFolder(join(path, 'cur'))
    },
  }
}

/** `INBOX` is the folder itself, `Lists/posthorn` is `.Lists.posthorn`. A dot in a name is none between levels. */
export function maildirPath(root: string, name: string): string {
  if (name === 'INBOX') return root
  const levels = name.split('/').map((level) => encodeMailboxName(level).replaceAll('.', '&AC4-'))
  return join(root, `.${levels.join('.')}`)
}

/** What clients see as subscribed; version 2 knows dots in names. */
export function writeSubscriptions(root: string, names: readonly string[]): void {
  const lines = names.map((name) => name.split('/').map(encodeMailboxName).join('\t'))
  writeFileSync(join(root, 'subscriptions'), `V\t2\n\n${lines.map((line) => `${line}\n`).join('')}`, {
    mode: 0o600,
  })
}

/** Unique in the folder; `,S=` spares readers a look at the file. */
function baseName(mailbox: Mailbox, { uid, internalDateMs, octets }: ExportedMessage): string {
  const sizeBytes = withLf(octets).length
  return `${Math.floor(internalDateMs / 1000)}.M${mailbox.uidValidity}P${uid}.posthorn,S=${sizeBytes},W=${octets.length}`
}

function slotsOf(known: string[], keywords: readonly string[]): number[] {
  return keywords.flatMap((keyword) => {
    const at = known.indexOf(keyword)
    if (at >= 0) return at
    return known.length < maxKeywords ? known.push(keyword) - 1 : []
  })
}

function writeMessage(file: string, { octets, internalDateMs }: ExportedMessage): void {
  const fd = openSync(file, 'wx', 0o600)
  try {
    const content = withLf(octets)
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at)
    fdatasyncSync(fd)
  } finally {
    closeSync(fd)
  }
  utimesSync(file, internalDateMs / 1000, internalDateMs / 1000)
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r')
  fsyncSync(fd)
  closeSync(fd)
}
