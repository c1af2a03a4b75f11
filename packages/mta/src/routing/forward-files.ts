import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '@posthorn/mail'
import type { Account } from '@posthorn/storage'
import { type AliasTarget, parseTargetLines } from './alias-value.ts'
import { readForwardFile, type SafeText } from './safe-file.ts'

export type Forwarding =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'targets'
      readonly targets: readonly AliasTarget[]
      /** Whose file it is; undefined: root's, in a home of root's. */
      readonly ownerUid: number | undefined
    }
  | { readonly kind: 'temporary'; readonly reason: string }

export interface ForwardFiles {
  /** Of the account's home; `extension` first: `.forward+ext`, then `.forward`. */
  find(account: Account, extension: string | undefined): Forwarding | Promise<Forwarding>
  /** What is known without looking; undefined: nothing. */
  peek(account: Account): Forwarding | undefined
}

/** How long an answer serves: a busy user's home is looked at once a second. */
const maxAgeMs = 1_000
const maxEntries = 10_000
const none: Forwarding = { kind: 'none' }

export interface ForwardOptions {
  readonly homeDirectory: string
  /** `$home/.forward`, `/var/forward/$user`. Postfix: forward_path. */
  readonly paths?: readonly string[] | undefined
  readonly delimiter: string
  /** Mail of a user whose home is not there waits. Postfix: require_home_directory. */
  readonly homes?: 'required' | undefined
  readonly log: Log
  readonly now: () => number
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
const defaultPaths = ['$home/.forward${recipient_delimiter}${extension}', '$home/.forward']

/** Postfix: forward_path. */
export function createForwardFiles(options: ForwardOptions): ForwardFiles {
  const kept = new Map<string, { readonly value: Forwarding; readonly untilMs: number }>()
  /** Who comes while a home is looked at waits for that answer. */
  const looking = new Map<string, Promise<Forwarding>>()
  const complaints = new Map<string, string>()

  function complain(path: string, reason: string): void {
    if (complaints.get(path) === reason) return
    if (complaints.size >= maxEntries) complaints.clear()
    complaints.set(path, reason)
    options.log({
      level: 'warning',
      service: 'local',
      text: `${path}: .forward: unsafe permissions: ${reason}; file ignored`,
    })
  }

  function read(path: string, found: SafeText): Forwarding | undefined {
    if (found.kind === 'absent') {
      complaints.delete(path)
      return undefined
    }
    if (found.kind === 'temporary') return found
    if (found.kind === 'unsafe') {
      complain(path, found.reason)
      return none
    }
    complaints.delete(path)
    const targets = parseTargetLines(found.text)
    // An empty file is no instruction to throw mail away.
    return targets.length === 0 ? none : { kind: 'targets', targets, ownerUid: found.ownerUid }
  }

  async function load(account: Account, home: string, extension: string | undefined): Promise<Forwarding> {
    if (options.homes === 'required') {
      const problem = await missing(home)
      if (problem !== undefined) return { kind: 'temporary', reason: problem }
    }
    for (const template of options.paths ?? defaultPaths) {
      const path = pathOf(template, account, { home, extension, delimiter: options.delimiter[0] ?? '' })
      if (path === undefined) continue
      const forwarding = read(path, await readForwardFile(path))
      if (forwarding !== undefined) return forwarding
    }
    return none
  }

  return {
    peek(account) {
      const home = homeOf(account, options.homeDirectory)
      if (home === undefined) return none
      const entry = kept.get(`${home}\n`)
      return entry !== undefined && entry.untilMs > options.now() ? entry.value : undefined
    },
    find(account, extension) {
      const home = homeOf(account, options.homeDirectory)
      if (home === undefined) return none
      const safeExtension = extension !== undefined && isFileName(extension) ? extension : undefined
      const key = `${home}\n${safeExtension ?? ''}`
      const entry = kept.get(key)
      if (entry !== undefined && entry.untilMs > options.now()) return entry.value
      const under = looking.get(key)
      if (under !== undefined) return under
      const found = load(account, home, safeExtension)
        .then((value) => {
          if (kept.size >= maxEntries) kept.clear()
          kept.set(key, { value, untilMs: options.now() + maxAgeMs })
          return value
        })
        .finally(() => looking.delete(key))
      looking.set(key, found)
      return found
    },
  }
}

/** Why a home cannot be used; undefined: it can. */
async function missing(home: string): Promise<string | undefined> {
  try {
    return (await stat(home)).isDirectory() ? undefined : `${home} is no directory`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** undefined: it needs what the recipient does not have. Values hold no steps of a path. */
function pathOf(
  template: string,
  { address }: Account,
  given: { readonly home: string; readonly extension: string | undefined; readonly delimiter: string },
): string | undefined {
  const at = address.lastIndexOf('@')
  const values: Readonly<Record<string, string | undefined>> = {
    home: given.home,
    user: address.slice(0, at),
    local: address.slice(0, at),
    domain: address.slice(at + 1),
    extension: given.extension,
    recipient_delimiter: given.extension === undefined ? undefined : given.delimiter,
  }
  let complete = true
  const path = template.replace(/\$(?:\{(\w+)\}|\((\w+)\)|(\w+))/g, (_, braced, bracketed, plain) => {
    const value = values[braced ?? bracketed ?? plain]
    complete &&=
      value !== undefined && (value.startsWith('/') || isFileName(value) || value === given.delimiter)
    return value ?? ''
  })
  return complete && path.startsWith('/') ? path : undefined
}

/** undefined: no home. Names of strangers' making never become a path with steps in it. */
function homeOf(account: Account, homeDirectory: string): string | undefined {
  if (account.home !== '') return account.home.startsWith('/') ? account.home : undefined
  if (homeDirectory === '') return undefined
  const at = account.address.lastIndexOf('@')
  const user = account.address.slice(0, at)
  const domain = account.address.slice(at + 1)
  if (!isFileName(user) || !isFileName(domain)) return undefined
  if (!homeDirectory.includes('%')) return join(homeDirectory, user)
  return homeDirectory.replace(/%[ud]/g, (mark) => (mark === '%u' ? user : domain))
}

function isFileName(text: string): boolean {
  return /^[A-Za-z0-9_+=~][A-Za-z0-9_.+=~-]{0,100}$/.test(text)
}
