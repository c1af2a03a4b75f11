import { type Stats, statSync } from 'node:fs'
import { createResolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import {
  type AddressBook,
  createGreylist,
  createNetworkList,
  createPolicy,
  createTables,
} from '@posthorn/mta'
import type { Config } from '../config/config.ts'
import { inspectConfig, masterCfFile } from '../config/load-config.ts'
import { parameters } from '../config/schema/schema.ts'
import { bounceTemplates } from '../services/bounce-templates.ts'
import { serviceConfig } from '../services/service-config.ts'
import {
  contentFilter,
  greylistOptions,
  policyOptions,
  trustedNetworks,
} from '../services/transfer-options.ts'
import { dataFolderAt } from '../start/data-folder.ts'
import { asServer, type MailOwner, mailOwner } from '../start/mail-owner.ts'
import { inOneLine, StartError } from '../start-error.ts'
import { readKeyPair } from '../tls/key-pair.ts'
import { certificatesByName, keyFiles, smtpdCertificates } from '../tls/server-certificates.ts'
import { checkTransports } from './check-transports.ts'
import type { Shell } from './shell.ts'
import type { SiteOptions } from './site.ts'

export interface SiteFindings {
  readonly config: Config
  /** The server does not start with these. */
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Configuration, tables and permissions. Postfix: postfix check. */
export function checkSite(shell: Shell, options: SiteOptions): SiteFindings {
  const { config, problems } = inspectConfig({ configOption: options.config, environment: shell.environment })
  const permissions = checkPermissions(config)
  const owner = ownerOf(config)
  const tables = asServer(owner, () => checkTables(config, shell))
  return {
    config,
    problems: [...problems, ...permissions.problems, ...tables.problems, ...checkCertificates(config, shell)],
    // One file may be several tables.
    warnings: [...new Set([...config.warnings, ...permissions.warnings, ...tables.warnings])],
  }
}

/** As whom the server opens its tables: root's own rights would hide what it may not read. */
function ownerOf(config: Config): MailOwner | undefined {
  if (process.geteuid?.() !== 0) return undefined
  const folder = statOf(config.values.data_directory)
  try {
    const owner = mailOwner(config)
    if (owner !== undefined) return owner
  } catch (error) {
    // The start says it.
    if (!(error instanceof StartError)) throw error
  }
  if (folder === undefined || folder.uid === 0) return undefined
  return { name: '', uid: folder.uid, gid: folder.gid }
}

/** Who may write these, may read everybody's mail. */
function checkPermissions(config: Config): { readonly problems: string[]; readonly warnings: string[] } {
  const problems: string[] = []
  const warnings: string[] = []
  const { values } = config
  const writable = (file: string) => {
    const stat = statOf(file)
    if (stat !== undefined && (stat.mode & 0o022) !== 0) {
      problems.push(`${file}: group or others may write it (mode ${octal(stat)}): chmod go-w ${file}`)
    }
  }
  for (const file of new Set([config.file, masterCfFile(config), config.folder, values.data_directory]))
    writable(file)
  const { path, storeFolder, maildrop } = dataFolderAt(values.data_directory)
  const store = statOf(path)
  if (store !== undefined && (store.mode & 0o004) !== 0) {
    warnings.push(`${path}: others may look into it (mode ${octal(store)}): chmod o-r ${path}`)
  }
  for (const [folder, forbidden, remedy] of [
    [storeFolder, 0o077, 'go-rwx'],
    [maildrop, 0o044, 'go-r,+t'],
  ] as const) {
    const stat = statOf(folder)
    if (stat !== undefined && (stat.mode & forbidden) !== 0)
      problems.push(`${folder}: open to others (mode ${octal(stat)}): chmod ${remedy} ${folder}`)
  }
  for (const file of keyFiles(config)) {
    const stat = statOf(file)
    if (stat !== undefined && (stat.mode & 0o007) !== 0)
      warnings.push(`others may read the key in ${file} (mode ${octal(stat)}): chmod o-rwx ${file}`)
  }
  const mainCf = statOf(config.file)
  const secrets = config.setNames.filter((name) => secretNames.test(name) && (config.text(name) ?? '') !== '')
  if (mainCf !== undefined && (mainCf.mode & 0o004) !== 0 && secrets.length > 0) {
    warnings.push(
      `${config.file}: others may read ${secrets.join(', ')} (mode ${octal(mainCf)}): chmod o-r ${config.file}`,
    )
  }
  for (const spec of values.smtp_sasl_password_maps) {
    const file = spec.slice(spec.indexOf(':') + 1)
    const stat = statOf(file)
    if (stat !== undefined && (stat.mode & 0o007) !== 0) {
      warnings.push(
        `smtp_sasl_password_maps: others may read the passwords in ${file} (mode ${octal(stat)}): chmod 600 ${file}`,
      )
    }
  }
  return { problems, warnings }
}

function checkTables(
  config: Config,
  shell: Shell,
): { readonly problems: string[]; readonly warnings: string[] } {
  const problems: string[] = []
  const warnings: string[] = []
  const log: Log = (event) => {
    if (event.level !== 'debug' && event.level !== 'info') warnings.push(event.text)
  }
  const tables = createTables({
    now: shell.now,
    log,
    unsafeFiles: config.values.unsafe_files,
    folder: config.folder,
  })
  for (const [name, parameter] of parameters) {
    if (parameter.type !== 'tables' || name === 'local_recipient_maps' || name === 'alias_database') continue
    const specs = config.values[name as 'transport_maps']
    for (const spec of specs) {
      try {
        if (name === 'alias_maps') tables.openAliases([spec])
        else tables.openAll([spec], inMemory.test(name) ? name : undefined)
      } catch (error) {
        problems.push(`${name}: ${messageOf(error)}`)
      }
    }
  }
  const attempt = (read: () => unknown, where = '') => {
    try {
      read()
    } catch (error) {
      const text = messageOf(error)
      // What main.cf says is told once, not for each service.
      if (!problems.includes(text)) problems.push(`${where}${text}`)
    }
  }
  attempt(() => bounceTemplates(config))
  const context = { log, now: shell.now, tables, folder: config.folder }
  attempt(() => createNetworkList(trustedNetworks(config), context))
  // Reading the lists asks neither DNS nor the store.
  const triplets = { attempt: () => Promise.reject(new Error('unasked')) }
  attempt(() => createGreylist(triplets, greylistOptions(config), context))
  const sources = {
    ...context,
    dns: createResolver({}),
    addresses: {} as AddressBook,
    greylist: createGreylist(triplets, {}, context),
  }
  const incoming = (own: Config, where = '') => {
    attempt(() => createPolicy(policyOptions(own), sources), where)
    attempt(() => contentFilter(own), where)
  }
  incoming(config)
  for (const { key, entry } of config.services.smtp)
    if (entry !== undefined)
      incoming(serviceConfig(config, entry), `${masterCfFile(config)}:${entry.line}: ${key}: `)
  warnings.push(...checkTransports(config, tables))
  return { problems, warnings }
}

/** A certificate that was named must be there; the server's own is made on the first start. */
function checkCertificates(config: Config, shell: Shell): readonly string[] {
  const { ssl_cert: certFile, ssl_key: keyFile } = config.values
  const problems: string[] = []
  const attempt = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      problems.push(inOneLine(error))
    }
  }
  attempt(() => smtpdCertificates(config, shell.now()))
  attempt(() => certificatesByName(config, { log: () => {}, now: shell.now }))
  if (certFile !== '' && config.isSet('ssl_cert'))
    attempt(() => readKeyPair({ certFile, keyFile }, shell.now()))
  return problems
}

/** Whose tables are asked where nobody can wait for a network. */
const inMemory =
  /(?:canonical|generic|bcc|milter)_maps$|(?:header|body)_checks$|^smtpd_(?:command_filter|reject_footer_maps)$|_dnsbl_reply_map$|^imap_login_referrals$|^virtual_mailbox_maps$|^local_login_sender_maps$/

/** Parameters whose values are passwords, or hold them. */
const secretNames = /(?:^|_)(?:password|secret|passwd)$/

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file)
  } catch {
    return undefined
  }
}

const octal = (stat: Stats) => (stat.mode & 0o7777).toString(8)
