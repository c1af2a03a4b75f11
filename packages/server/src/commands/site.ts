import { existsSync, statSync } from 'node:fs'
import type { Accounts } from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import type { Maintenance, Store, Wake, WakeBus } from '@posthorn/storage'
import type { Config } from '../config/config.ts'
import { inspectConfig, loadConfig } from '../config/load-config.ts'
import { type DataFolder, dataFolderAt, prepareDataFolder } from '../start/data-folder.ts'
import { mailOwner } from '../start/mail-owner.ts'
import { errorCode } from '../start-error.ts'
import { askServer } from './control-client.ts'
import { CommandError, exit, type Shell } from './shell.ts'

export interface SiteOptions {
  /** `--config`, `-c`, `-C`. */
  readonly config?: string | undefined
}

export interface Site {
  readonly config: Config
  readonly folder: DataFolder
}

/** Configuration and data folder; the store stays closed. */
export function locateSite(shell: Shell, options: SiteOptions): Site {
  const config = loadConfig({ configOption: options.config, environment: shell.environment })
  return { config, folder: dataFolderAt(config.values.data_directory) }
}

/** As locateSite, for commands that must go on with a faulty main.cf: stop, status, doctor. */
export function locateSiteAnyhow(
  shell: Shell,
  options: SiteOptions,
): Site & { readonly problems: readonly string[] } {
  const { config, problems } = inspectConfig({ configOption: options.config, environment: shell.environment })
  return { config, folder: dataFolderAt(config.values.data_directory), problems }
}

export interface OpenSite extends Site {
  readonly store: Store & Maintenance
  readonly accounts: Accounts
  readonly log: Log
}

/**
 * Opens the store beside a running server, or alone; runs `work`; tells the server what changed. Root becomes
 * the owner of the data folder first: files of the store must stay the server's.
 */
export async function withSite<T>(
  shell: Shell,
  options: SiteOptions,
  work: (site: OpenSite) => Promise<T>,
  missingStore: 'refused' | 'made' = 'refused',
): Promise<T> {
  const site = locateSite(shell, options)
  if (missingStore === 'refused') refuseNoSite(site)
  // Before the first start: the folder becomes his whom the server will become.
  if (!existsSync(site.folder.path)) prepareDataFolder(site.folder.path, mailOwner(site.config))
  becomeOwner(site.folder.path)
  const wakes = new Map<string, Wake>()
  const store = await openSiteStore(site, collectingBus(wakes))
  const log: Log = (event) => {
    if (event.level !== 'debug' && event.level !== 'info')
      shell.err(`${event.service}: ${event.level}: ${event.text}\n`)
  }
  // Only who opens the store waits for these to be loaded.
  const [{ createAccounts }, { accountOptions }, { userSources }] = await Promise.all([
    import('@posthorn/accounts'),
    import('../services/account-options.ts'),
    import('../services/user-sources.ts'),
  ])
  const accountSettings = accountOptions(site.config.values)
  const sources = userSources(site.config, { log, now: shell.now })
  const accounts = createAccounts({
    store,
    now: shell.now,
    log,
    options: () => accountSettings,
    sources: () => sources,
  })
  try {
    return await work({ ...site, store, accounts, log })
  } finally {
    await store.close()
    for (const wake of wakes.values()) await askServer(site.folder.controlSocket, { cmd: 'wake', wake })
  }
}

/** The store for somebody who only reads, and closes it. */
export async function openToRead(shell: Shell, options: SiteOptions): Promise<Store & Maintenance> {
  const site = locateSite(shell, options)
  becomeOwner(site.folder.path)
  return await openSiteStore(site, collectingBus(new Map()))
}

/** `mailq` in a wrong folder must not make a store there. With a main.cf it is the right one. */
function refuseNoSite({ config, folder }: Site): void {
  if (existsSync(folder.storeFolder) || existsSync(config.file)) return
  throw new CommandError(
    `there is no mail system in ${folder.path} yet: \`posthorn start\` makes one, --config or POSTHORN_CONFIG names another`,
    exit.config,
  )
}

async function openSiteStore({ config, folder }: Site, wakeBus: WakeBus): Promise<Store & Maintenance> {
  prepareDataFolder(folder.path)
  const { openStore, StoreError } = await import('@posthorn/storage')
  try {
    return await openStore({
      directory: folder.storeFolder,
      wakeBus,
      defaultQuotaBytes: config.values.mailbox_size_limit,
      defaultQuotaMessages: config.values.quota_message_count,
    })
  } catch (error) {
    if (error instanceof StoreError)
      throw new CommandError(`${folder.storeFolder}: ${error.message}`, exit.unavailable)
    if (errorCode(error) === 'EACCES') {
      throw new CommandError(
        `${folder.storeFolder}: permission denied (run this as the server's user or root)`,
        exit.noPermission,
      )
    }
    throw error
  }
}

/** Each is a question of its own to the server: of more accounts than these nobody is named. */
const maxNamedAccounts = 20

/** A lost wake-up costs latency only, so they are sent once, together, at the end. */
function collectingBus(wakes: Map<string, Wake>): WakeBus {
  const accounts = new Map<string, Wake>()
  return {
    publish: (wake) => {
      if (wake.kind !== 'accounts') {
        wakes.set(keyOf(wake), wake)
        return
      }
      if (accounts.size <= maxNamedAccounts) accounts.set(keyOf(wake), wake)
      const all: Wake = { kind: 'accounts' }
      const told = accounts.size > maxNamedAccounts ? new Map([[keyOf(all), all]]) : accounts
      if (told !== accounts) for (const key of accounts.keys()) wakes.delete(key)
      for (const [key, one] of told) wakes.set(key, one)
    },
    subscribe: () => () => undefined,
  }
}

function keyOf(wake: Wake): string {
  switch (wake.kind) {
    case 'mailbox':
      return `mailbox ${wake.mailbox}`
    case 'mailboxes':
      return `mailboxes ${wake.account}`
    case 'accounts':
      return `accounts ${wake.account ?? ''}`
    case 'queue':
      return wake.flushed === undefined ? wake.kind : `flushed ${wake.flushed}`
    default:
      return wake.kind
  }
}

/** Dropping root for good; does nothing for others, or when root owns the folder. */
export function becomeOwner(path: string): void {
  if (process.getuid?.() !== 0 || !existsSync(path)) return
  const { uid, gid } = statSync(path)
  if (uid === 0) return
  process.setgroups?.([gid])
  process.setgid?.(gid)
  process.setuid?.(uid)
}
