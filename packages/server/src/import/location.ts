import { existsSync } from 'node:fs'
import { closest } from '@posthorn/mta/closest'
import { createMaildirSource } from './maildir/maildir-source.ts'
import { createMboxSource } from './mbox/mbox-source.ts'
import { type MailSource, SourceError } from './source.ts'

/** Who `~`, `%u`, `%n`, `%d` and `%h` are. */
export interface LocationUser {
  /** As the old server knew him: `alice`, or `alice@example.org`. */
  readonly name: string
  readonly domain: string
  readonly home: string
}

export interface MailLocation {
  readonly driver: 'maildir' | 'mbox'
  readonly path: string
  /** Of mbox: the file of new mail. */
  readonly inbox: string | undefined
}

const elsewhere = 'bring it by IMAP (`posthorn import imap`), or `doveadm backup` it to a Maildir first'
const otherDrivers: Readonly<Record<string, string>> = {
  mdbox: elsewhere,
  sdbox: elsewhere,
  dbox: elsewhere,
  imapc: 'the mail is on that server: `posthorn import imap`',
}

/** Parameters of Dovecot's that say where indexes are: nothing of the mail itself. */
const ignoredOptions =
  /^(?:INDEX|INDEXPVT|INDEXCACHE|CONTROL|LAYOUT|UTF-8|VOLATILEDIR|NO-NOSELECT|SUBSCRIPTIONS|BROKENCHAR|LISTINDEX|ITERINDEX)(?:=|$)/

/** Dovecot: mail_location: `maildir:~/.Mail`, `mbox:~/mail:INBOX=/var/mail/%u`. Throws SourceError, with what to write instead. */
export function parseMailLocation(text: string, user: LocationUser): MailLocation {
  const [driver = '', path = '', ...options] = text.trim().split(':')
  if (driver !== 'maildir' && driver !== 'mbox') {
    const way = otherDrivers[driver.toLowerCase()]
    if (way !== undefined) throw new SourceError(`mail_location: "${driver}" is not read here: ${way}`)
    const near = /^[a-z]+$/i.test(driver) ? closest(driver, ['maildir', 'mbox']) : undefined
    const advice =
      near === undefined ? 'expected maildir:FOLDER or mbox:FOLDER:INBOX=FILE' : `did you mean "${near}"?`
    throw new SourceError(`mail_location: unknown kind "${driver}"; ${advice}`)
  }
  if (path === '') throw new SourceError(`mail_location: ${driver}: without its folder`)
  let inbox: string | undefined
  for (const option of options) {
    if (option.startsWith('INBOX=')) inbox = option.slice('INBOX='.length)
    else if (!ignoredOptions.test(option)) throw new SourceError(`mail_location: unknown option "${option}"`)
  }
  return {
    driver,
    path: expandLocation(path, user),
    inbox: inbox === undefined ? undefined : expandLocation(inbox, user),
  }
}

/** Dovecot's variables, as far as guides use them: `~`, %u, %n, %d, %h, %L and %U of them, %1n and %1.1n. */
function expandLocation(path: string, { name, domain, home }: LocationUser): string {
  const local = name.split('@')[0] ?? name
  const values: Readonly<Record<string, string>> = { u: name, n: local, d: domain, h: home, '%': '%' }
  const filled = path.replace(
    /%([LU]?)(\d{0,2}(?:\.\d{1,2})?)([a-zA-Z%])/g,
    (mark, change: string, cut: string, letter: string) => {
      const value = values[letter]
      if (value === undefined)
        throw new SourceError(`mail_location: ${mark} is not known here; write the path itself`)
      const cased = change === 'L' ? value.toLowerCase() : change === 'U' ? value.toUpperCase() : value
      return cutOut(cased, cut)
    },
  )
  if (!filled.startsWith('~')) return filled
  if (home === '') throw new SourceError('mail_location: `~` is used, and no home of that user is known')
  return home + filled.slice(1)
}

/** `%1n`: the first letter; `%1.1n`: one, after the first. */
function cutOut(value: string, cut: string): string {
  if (cut === '') return value
  const [first = '', second] = cut.split('.')
  const [skip, length] = second === undefined ? [0, Number(first)] : [Number(first), Number(second)]
  return value.slice(skip, skip + length)
}

/** What is at that place; an mbox site has its new mail in a file of its own. */
export function createLocationSource({ driver, path, inbox }: MailLocation): MailSource {
  if (driver === 'maildir') return createMaildirSource(path)
  const parts = [
    ...(inbox !== undefined && existsSync(inbox) ? [createMboxSource(inbox, 'INBOX')] : []),
    ...(existsSync(path) ? [createMboxSource(path, undefined)] : []),
  ]
  const [first] = parts
  if (first === undefined) throw new SourceError(`neither ${inbox ?? 'an inbox'} nor ${path} is there`)
  return {
    identity: parts.map(({ identity }) => identity).join(' + '),
    title: parts.map(({ title }) => title).join(', '),
    async mailboxes() {
      const all = (await Promise.all(parts.map((part) => part.mailboxes()))).flat()
      return all.filter(({ name }, at) => all.findIndex((one) => one.name === name) === at)
    },
    async close() {
      for (const part of parts) await part.close()
    },
  }
}
