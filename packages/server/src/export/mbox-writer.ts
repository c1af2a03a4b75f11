import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findHeader, formatAddress, headerEnd, isNullAddress, parseReversePath } from '@posthorn/mail'
import { type Mailbox, systemFlag } from '@posthorn/storage'
import { withLf } from '../import/line-ends.ts'
import { formatFromLine } from '../import/mbox/from-line.ts'
import { quoteFrom } from '../import/mbox/unquote-from.ts'
import { makeFolders } from '../make-folders.ts'
import type { ExportedMessage, MailboxWriter } from './export-mailboxes.ts'

/** One file in mboxrd form (RFC 4155), flags and keywords in the fields that mutt, Pine and Dovecot read. */
export function createMboxWriter(root: string, mailbox: Mailbox): MailboxWriter {
  const file = mboxPath(root, mailbox.name)
  makeFolders(dirname(file), 0o700)
  const fd = openSync(file, 'wx', 0o600)
  let first = true
  return {
    write(message) {
      writeAll(fd, formatMessage(mailbox, message, first ? 'first' : 'later'))
      first = false
    },
    end() {
      fsyncSync(fd)
      closeSync(fd)
    },
  }
}

/** `Lists/posthorn` is Lists.sbd/posthorn, so that a mailbox may hold both messages and mailboxes. */
export function mboxPath(root: string, name: string): string {
  const levels = name.split('/').map((level) => (/^\.+$|^\./.test(level) ? `_${level}` : level))
  return join(root, ...levels.slice(0, -1).map((level) => `${level}.sbd`), levels.at(-1) as string)
}

function formatMessage(mailbox: Mailbox, message: ExportedMessage, place: 'first' | 'later'): Buffer {
  const octets = withLf(message.octets)
  const headerBytes = headerEnd(octets)
  const header = octets.subarray(0, headerBytes)
  const fields = statusFields(mailbox, message, place)
  const body = octets.subarray(headerBytes)
  // Before the empty line; a header without one gets it.
  const hasEnd = header.at(-1) === 0x0a && (header.length === 1 || header.at(-2) === 0x0a)
  const head = hasEnd ? header.subarray(0, -1) : header
  const gap = hasEnd || head.length === 0 || head.at(-1) === 0x0a ? '' : '\n'
  return Buffer.concat([
    Buffer.from(`${formatFromLine(senderOf(header), message.internalDateMs)}\n`),
    quoteFrom(head),
    Buffer.from(`${gap}${fields}\n`),
    quoteFrom(body),
    Buffer.from(body.length === 0 || body.at(-1) === 0x0a ? '\n' : '\n\n'),
  ])
}

function senderOf(header: Buffer): string {
  const path = findHeader(header, 'return-path')
  const address = path === undefined ? undefined : parseReversePath(path)
  if (address === undefined || isNullAddress(address)) return 'MAILER-DAEMON'
  return formatAddress(address).replace(/[^!-~]/g, '_')
}

function statusFields(
  mailbox: Mailbox,
  { uid, system, keywords }: ExportedMessage,
  place: 'first' | 'later',
): string {
  const has = (flag: number) => (system & flag) !== 0
  const status = `${has(systemFlag.seen) ? 'R' : ''}O`
  const more = [
    has(systemFlag.answered) ? 'A' : '',
    has(systemFlag.deleted) ? 'D' : '',
    has(systemFlag.flagged) ? 'F' : '',
    has(systemFlag.draft) ? 'T' : '',
  ].join('')
  return [
    place === 'first'
      ? `X-IMAPbase: ${mailbox.uidValidity} ${String(mailbox.uidNext - 1).padStart(10, '0')}\n`
      : '',
    `Status: ${status}\n`,
    more === '' ? '' : `X-Status: ${more}\n`,
    keywords.length === 0 ? '' : `X-Keywords: ${keywords.join(' ')}\n`,
    `X-UID: ${uid}\n`,
  ].join('')
}

function writeAll(fd: number, octets: Buffer): void {
  for (let at = 0; at < octets.length; ) at += writeSync(fd, octets, at)
}
