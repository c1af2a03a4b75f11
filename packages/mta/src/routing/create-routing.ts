import type { Accounts } from '@posthorn/accounts'
import type { Answer } from '@posthorn/smtp'
import type { Account, NewRecipient, Store } from '@posthorn/storage'
import type { AddressBook, Known } from '../policy/address-book.ts'
import type { HeaderRewrites } from '../rewriting/header-addresses.ts'
import { createCanonical, extensionsTo } from '../rewriting/index.ts'
import { answered, LookupFailed, lookupFirst, type TableContext, type Tables } from '../tables/index.ts'
import { createAccountCache } from './account-cache.ts'
import { createAddressClasses } from './address-classes.ts'
import { aliasMembers, comparable, listMembers } from './alias-members.ts'
import { createAutomaticCopies } from './automatic-copies.ts'
import { createCatchAll } from './catch-all.ts'
import { createDetailMailboxes } from './detail-mailbox.ts'
import { createDirectMailboxes } from './direct-mailboxes.ts'
import {
  createEnvelopeRules,
  createHeaderRewrites,
  createRemoteHeaderRewrites,
  type EnvelopeRules,
} from './envelope-rules.ts'
import { follow } from './follow.ts'
import { createForwardFiles } from './forward-files.ts'
import { createLocalTransports } from './local-transports.ts'
import { type LocalMail, planAgain, planAll } from './plan-recipients.ts'
import type { EnvelopeRecipient, Planned } from './planned.ts'
import { localName } from './reach.ts'
import type { RoutingOptions } from './routing-options.ts'
import { createSenderRewriting, type SenderRewriting } from './sender-rewriting.ts'
import { refusalIn } from './transport.ts'
import { createTransportChoice } from './transport-choice.ts'
import { mailboxOf, owns, type VerifyParts, verify } from './verify.ts'
import type { VerpDelimiters } from './verp.ts'
import { createVirtualAliases, type VirtualAliases, type VirtualAliasesOptions } from './virtual-aliases.ts'

export interface RoutingSources extends TableContext {
  readonly tables: Tables
  readonly accounts: Pick<Accounts, 'find' | 'localDomains'>
  readonly store: Pick<Store, 'watch' | 'accounts' | 'mailboxes' | 'sharing'>
}

export type Resolved =
  | { readonly kind: 'to'; readonly recipients: readonly NewRecipient[] }
  | {
      readonly kind: 'refused'
      readonly status: string
      readonly text: string
      /** Who says so. Default: error(8). */
      readonly by?: 'local' | 'virtual'
    }

/** From an address to where its mail goes: mailbox, alias, virtual alias, relay or error; the only place that decides it. */
export interface Routing extends AddressBook {
  /** All recipients of a message: each destination once. Never rejects for what tables and files hold. */
  plan(
    recipients: readonly EnvelopeRecipient[],
    sender: string,
    nowMs: number,
    how?: {
      readonly localMail: LocalMail
      readonly verp?: VerpDelimiters | undefined
      /** Address of the account that has logged in to submit. */
      readonly poster?: string | undefined
    },
  ): Promise<readonly Planned[]>
  /** One recipient that waited in the queue. */
  resolve(
    request: EnvelopeRecipient & {
      readonly sender: string
      readonly nowMs: number
      readonly poster?: string | undefined
    },
  ): Promise<Resolved>
  /** The account whose mailbox an address is, with no alias and no .forward between. For quota at RCPT. */
  mailboxOf(address: string): Answer<Account | undefined>
  /** EXPN, `sendmail -bv`: the next step only. undefined: no such list. */
  expandAlias(name: string): readonly string[] | undefined
  /** The addresses a list leads to at its first step, for EXPN; undefined: no list. */
  listMembers(list: string): Promise<readonly string[] | undefined>
  /** Rewriting and blind copies of new mail; undefined: none are configured. */
  readonly envelopeRules: EnvelopeRules | undefined
  /** As it stands in `From:` where the sender gave none: complete, and canonical. '' stays. Throws LookupWaits. */
  canonicalSender(address: string): string
  /** For the header of mail from clients of ours: complete addresses, canonical ones. */
  readonly headerRewrites: HeaderRewrites
  /** For the header of other mail; undefined: it stays as it is. */
  readonly remoteHeaderRewrites?: HeaderRewrites | undefined
  /** myorigin or mydestination: where tables may name users without a domain. */
  isLocalDomain(domain: string): boolean
  close(): void
}

/** Opens the tables and reads the domains. Throws TableError. */
export async function createRouting(options: RoutingOptions, sources: RoutingSources): Promise<Routing> {
  const accounts = await createAccountCache(sources.accounts, sources.store, sources.now)
  const details = createDetailMailboxes(sources.store, sources.now)
  const close = (): void => {
    accounts.close()
    details.close()
  }
  try {
    return { ...routingOf(options, sources, { accounts, details }), close }
  } catch (error) {
    close()
    throw error
  }
}

function routingOf(
  options: RoutingOptions,
  sources: RoutingSources,
  { accounts, details }: Pick<VerifyParts, 'accounts' | 'details'>,
): Omit<Routing, 'close'> {
  const classes = createAddressClasses(options, accounts, sources)
  const isLocalDomain = (domain: string): boolean =>
    classes.isLocal(domain) || domain === options.myorigin.toLowerCase()
  const site = { complete: classes.complete, isLocalDomain }
  const canonical = createCanonical(options, sources.tables, site)
  const own: Omit<VerifyParts, 'direct' | 'follow'> = {
    options,
    accounts,
    classes,
    log: sources.log,
    aliases: sources.tables.openAliases(options.aliasMaps ?? []),
    relayRecipients: sources.tables.openAll(options.relayRecipientMaps ?? []),
    virtualMailboxes: sources.tables.openAll(options.virtualMailboxMaps ?? []),
    catchAll: createCatchAll(sources.tables.openAll(options.virtualMailboxMaps ?? [])),
    localRecipients: sources.tables.openAll(options.localRecipientMaps ?? []),
    localTransports: createLocalTransports(options, sources.tables),
    forwards: forwardFiles(options, sources),
    details,
    virtual: virtualAliases(options, sources.tables, site),
    transports: createTransportChoice(options, sources.tables, isLocalDomain),
    isRewritten: canonical?.names,
    senderRewriting: senderRewritingOf(options),
    now: sources.now,
  }
  const parts: VerifyParts = {
    ...own,
    direct: createDirectMailboxes(own),
    follow: (address, walk, gathering) => follow(parts, address, walk, gathering),
  }
  const memberParts = { ...own, delimiter: options.recipientDelimiter ?? '' }
  return {
    complete: classes.complete,
    classify: classes.classify,
    verify: (address) => verifyPatiently(parts, address),
    isMember: async (list, sender) =>
      await answered(async () =>
        (await aliasMembers(memberParts, list)).has(comparable(memberParts, sender)),
      ),
    listMembers: async (list) => await answered(() => listMembers(memberParts, list)),
    isSame: (one, other) => comparable(memberParts, one) === comparable(memberParts, other),
    owns: (user, sender, delimiter) => owns(parts, user, sender, delimiter),
    plan: async (recipients, sender, nowMs, how) =>
      await answered(() => planAll(parts, recipients, { sender, nowMs, localMail: 'at-once', ...how })),
    resolve: async (request) => await answered(() => resolve(parts, request)),
    mailboxOf: (address) => answered(() => mailboxOf(parts, address)),
    expandAlias(name) {
      const value = lookupFirst(parts.aliases, localName(classes.complete(name), '').name)
      return value === undefined ? undefined : value.split(',').map((one) => one.trim())
    },
    envelopeRules: createEnvelopeRules({
      complete: classes.complete,
      canonical,
      copies: createAutomaticCopies(options, sources.tables, site),
    }),
    canonicalSender: (address) => {
      const sender = classes.complete(address)
      return sender === '' ? '' : (canonical?.rewrites.envelope_sender?.(sender) ?? sender)
    },
    headerRewrites: createHeaderRewrites(options, canonical),
    remoteHeaderRewrites: createRemoteHeaderRewrites(options, canonical),
    isLocalDomain,
  }
}

const forwardFiles = (
  options: RoutingOptions,
  { log, now }: RoutingSources,
): ReturnType<typeof createForwardFiles> =>
  createForwardFiles({
    homeDirectory: options.homeDirectory ?? '',
    delimiter: options.recipientDelimiter ?? '',
    paths: options.forwardPaths,
    homes: options.homes,
    log,
    now,
  })

function virtualAliases(
  options: RoutingOptions,
  tables: Tables,
  site: Pick<VirtualAliasesOptions, 'complete' | 'isLocalDomain'>,
): VirtualAliases {
  return createVirtualAliases({
    ...site,
    tables: tables.openAll(options.virtualAliasMaps ?? []),
    delimiter: options.recipientDelimiter ?? '',
    extensions: extensionsTo('virtual', options.propagateExtensions),
    limit: options.expansionLimit ?? 1_000,
    recursionLimit: options.recursionLimit ?? 1_000,
    addressLimitBytes: options.aliasAddressLimitBytes ?? 1_000,
  })
}

/** Tables asked over a network may have to be waited for. */
function verifyPatiently(parts: VerifyParts, address: string): Answer<Known> {
  const failed = (error: unknown): Known => {
    if (!(error instanceof LookupFailed)) throw error
    parts.log({ level: 'warning', service: 'smtpd', text: error.message })
    return { kind: 'temporary', reason: error.message }
  }
  try {
    const known = answered(() => verify(parts, address))
    return known instanceof Promise ? known.catch(failed) : known
  } catch (error) {
    return failed(error)
  }
}

async function resolve(
  parts: VerifyParts,
  { sender, nowMs, poster, ...envelope }: Parameters<Routing['resolve']>[0],
): Promise<Resolved> {
  const planned = await planAgain(parts, { envelope, sender, nowMs, localMail: 'at-once', poster })
  const only = planned.length === 1 ? planned[0]?.recipient.route : undefined
  if (only?.kind !== 'queued') return { kind: 'to', recipients: planned.map((one) => one.recipient) }
  const by = only.transport === 'local' || only.transport === 'virtual' ? only.transport : undefined
  const refusal = by !== undefined || only.transport === 'error' ? refusalIn(only.nextHop) : undefined
  if (refusal !== undefined) return { kind: 'refused', ...refusal, ...(by === undefined ? {} : { by }) }
  if (by !== undefined) return { kind: 'refused', status: '4.3.0', text: 'temporary lookup failure' }
  return { kind: 'to', recipients: planned.map((one) => one.recipient) }
}

function senderRewritingOf({ senderRewriting }: RoutingOptions): SenderRewriting | undefined {
  return senderRewriting && createSenderRewriting(senderRewriting.domain, senderRewriting.secret)
}
