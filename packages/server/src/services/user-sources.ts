import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import {
  createPasswdFile,
  parsePasswdLine,
  type SourceUser,
  sourceName,
  type UserSource,
  type UserSources,
} from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import {
  answered,
  createCatchAll,
  createDomainList,
  createTables,
  lookupFirst,
  type TableContext,
} from '@posthorn/mta'
import { askSaslauthd } from '@posthorn/net'
import type { Config } from '../config/config.ts'
import { asciiDomain } from './account-options.ts'
import { parseSourceWord, type SourceWord } from './source-word.ts'
import { tokenValidators } from './token-validators.ts'

export { parseSourceWord, type SourceWord } from './source-word.ts'

/** PAM's pam_faildelay and a slow directory. */
const saslauthdTimeoutMs = 20_000
const getentTimeoutMs = 5_000

/** Users and passwords beside the store, as main.cf says. */
export function userSources(
  config: Config,
  context: Pick<TableContext, 'log' | 'now' | 'contents' | 'longFiles'>,
): UserSources {
  const { values } = config
  const shared = {
    ...context,
    defaultDomain: asciiDomain(values.auth_default_realm),
    firstUid: values.first_valid_uid,
    lastUid: values.last_valid_uid,
  }
  const files = new Map<string, UserSource>()
  const file = (path: string): UserSource => {
    const full = isAbsolute(path) ? path : join(config.folder, path)
    const found = files.get(full) ?? createPasswdFile({ ...shared, path: full })
    files.set(full, found)
    return found
  }
  const source = (word: SourceWord): readonly UserSource[] => {
    switch (word.kind) {
      case 'store':
        return []
      case 'passwd-file':
        return [file(word.path)]
      case 'passwd':
        return [file(word.path), ...(word.path === '/etc/passwd' ? directoryUsers(shared) : [])]
      case 'saslauthd':
        return [saslauthd(word.path, values.smtpd_sasl_service, shared)]
      case 'oauth2':
        return []
    }
  }
  return {
    passwords: values.passdb.flatMap((word) => source(parseSourceWord(word, 'passdb'))),
    users: [
      ...values.userdb.flatMap((word) => source(parseSourceWord(word, 'userdb'))),
      ...virtualMailboxes(config, context),
    ],
    tokens: tokenValidators(config, context),
  }
}

/** Postfix: virtual_mailbox_maps: each address of its own, and whose mailbox takes the rest of a domain (`@example.com`). */
function virtualMailboxes(
  { values, folder, environment }: Config,
  context: Pick<TableContext, 'log' | 'now' | 'contents' | 'longFiles'>,
): readonly UserSource[] {
  if (values.virtual_mailbox_maps.length === 0) return []
  const files = { ...context, unsafeFiles: values.unsafe_files, folder }
  const shared = createTables({ ...files, environment })
  const tables = shared.openAll(values.virtual_mailbox_maps, 'virtual_mailbox_maps')
  const catchAll = createCatchAll(tables)
  const domains = createDomainList(values.virtual_mailbox_domains, { ...files, tables: shared })
  const find = async (address: string): Promise<SourceUser | undefined> => {
    const domain = address.slice(address.lastIndexOf('@') + 1)
    if (!(await answered(() => domains.has(domain)))) return undefined
    const found = await answered(() => lookupFirst(tables, address))
    const isCatchAll = found === undefined && (await answered(() => catchAll?.(domain) === address))
    return found === undefined && !isCatchAll ? undefined : { home: '' }
  }
  return [
    {
      name: 'virtual_mailbox_maps',
      find: (address) =>
        find(address).catch((error: unknown) => {
          context.log({ level: 'error', service: 'auth', text: `virtual_mailbox_maps: ${String(error)}` })
          return undefined
        }),
    },
  ]
}

interface SourceContext {
  readonly log: Log
  readonly now: () => number
  readonly defaultDomain: string
  readonly firstUid: number
  readonly lastUid: number
}

/** Cyrus: pwcheck_method: saslauthd. */
function saslauthd(path: string, service: string, { log, defaultDomain }: SourceContext): UserSource {
  return {
    name: `saslauthd ${path}`,
    async check(address, password) {
      const login = sourceName(address, defaultDomain)
      const realm = address.slice(address.lastIndexOf('@') + 1)
      const answer = await askSaslauthd({
        path,
        login,
        password,
        service,
        realm,
        timeoutMs: saslauthdTimeoutMs,
      })
      if (answer.kind !== 'error') return answer.kind
      log({ level: 'error', service: 'auth', text: `saslauthd ${path}: ${answer.reason}` })
      return 'unavailable'
    },
  }
}

/** LDAP, NIS, winbind: `getent` asks what nsswitch.conf names beside files. */
function directoryUsers(context: SourceContext): readonly UserSource[] {
  if (!nsswitchNamesDirectory()) return []
  return [
    {
      name: 'getent passwd',
      find: (address) => {
        const name = sourceName(address, context.defaultDomain)
        return name.includes('@') || name.startsWith('-') ? Promise.resolve(undefined) : getent(name, context)
      },
    },
  ]
}

function nsswitchNamesDirectory(): boolean {
  try {
    const line = /^passwd:(.*)$/m.exec(readFileSync('/etc/nsswitch.conf', 'utf8'))?.[1] ?? ''
    const words = line.replace(/#.*|\[[^\]]*\]/g, '').split(/\s+/)
    return words.some((word) => !['', 'files', 'compat', 'systemd'].includes(word))
  } catch {
    return false
  }
}

function getent(name: string, { log, firstUid, lastUid }: SourceContext): Promise<SourceUser | undefined> {
  const { promise, resolve } = Promise.withResolvers<SourceUser | undefined>()
  execFile('getent', ['passwd', name], { timeout: getentTimeoutMs, maxBuffer: 65_536 }, (error, output) => {
    // 2: the name is not there.
    if (error !== null && error.code !== 2)
      log({ level: 'warning', service: 'auth', text: `getent passwd: ${error.message}` })
    const line = error === null ? parsePasswdLine(output.split('\n')[0] ?? '') : undefined
    const isUser =
      line?.uid !== undefined &&
      line.uid >= firstUid &&
      (lastUid === 0 || line.uid <= lastUid) &&
      line.user === name
    resolve(isUser ? { home: line.home } : undefined)
  })
  return promise
}
