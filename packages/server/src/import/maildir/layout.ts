import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { decodeMailboxName } from '@posthorn/imap'

export interface MaildirFolder {
  readonly name: string
  readonly path: string
}

const maxDepth = 32

/**
 * The folders of a Maildir: Maildir++ (`.Sent`, `.Lists.posthorn`; Dovecot's and Courier's default) beside the
 * nested layout (`Lists/posthorn/cur`; Dovecot: LAYOUT=fs). The folder itself is INBOX when it holds `cur`.
 */
export function maildirFolders(root: string): readonly MaildirFolder[] {
  const folders: MaildirFolder[] = isMaildir(root) ? [{ name: 'INBOX', path: root }] : []
  const walk = (path: string, levels: readonly string[]) => {
    if (levels.length > maxDepth) return
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name)
      if (!isFolder(child) || ['cur', 'new', 'tmp'].includes(entry.name)) continue
      const below = entry.name.startsWith('.') && levels.length === 0 ? plusLevels(entry.name) : [entry.name]
      if (below === undefined || entry.name.startsWith('..')) continue
      const here = [...levels, ...below]
      if (isMaildir(child)) folders.push({ name: nameOf(here), path: child })
      if (!entry.name.startsWith('.')) walk(child, here)
    }
  }
  walk(root, [])
  return folders.filter((folder, index) => folders.findIndex(({ name }) => name === folder.name) === index)
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** `new` alone will do: procmail makes no more. */
const isMaildir = (path: string): boolean => existsSync(join(path, 'cur')) || existsSync(join(path, 'new'))

/** `.Lists.posthorn`; `.INBOX.Sent` of some migrations is Sent's own name, too. */
const plusLevels = (name: string): string[] | undefined => {
  const levels = name.slice(1).split('.')
  return levels.some((level) => level === '') ? undefined : levels
}

/** Modified UTF-7 as the names on disk are; what is none is taken as UTF-8. A '/' cannot be part of a level here. */
export function nameOf(levels: readonly string[]): string {
  const texts = levels.map((level) => levelText(level).replaceAll('/', '_'))
  if (texts.length === 1 && /^inbox$/i.test(texts[0] as string)) return 'INBOX'
  return texts.join('/')
}

/** A dot inside a level is written `&AC4-`, which modified UTF-7 would not do. */
const levelText = (level: string): string =>
  level
    .split('&AC4-')
    .map((text) => decodeMailboxName(Buffer.from(text)) ?? text)
    .join('.')

/** `subscriptions` (Dovecot, both versions) or `courierimapsubscribed`; undefined when there is neither. */
export function subscribedNames(root: string): ReadonlySet<string> | undefined {
  const dovecot = readIfThere(join(root, 'subscriptions'))
  if (dovecot !== undefined) {
    const lines = dovecot.split('\n').filter((line) => line !== '')
    const separator = lines[0]?.startsWith('V\t') ? '\t' : /[/]/.test(dovecot) ? '/' : '.'
    const names = lines[0]?.startsWith('V\t') ? lines.slice(1) : lines
    return new Set(names.map((line) => nameOf(line.split(separator))))
  }
  const courier = readIfThere(join(root, 'courierimapsubscribed'))
  if (courier === undefined) return undefined
  const names = courier.split('\n').filter((line) => line !== '')
  return new Set(
    names.map((line) => nameOf(line === 'INBOX' ? ['INBOX'] : line.replace(/^INBOX\./, '').split('.'))),
  )
}

/** `dovecot-keywords`: `0 $Forwarded` and so on. */
export function keywordNames(path: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>()
  for (const line of (readIfThere(join(path, 'dovecot-keywords')) ?? '').split('\n')) {
    const match = /^(\d{1,2}) (\S+)$/.exec(line)
    if (match !== null) names.set(Number(match[1]), match[2] as string)
  }
  return names
}

export function readIfThere(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}
