import type { Accounts } from '@posthorn/accounts'
import type { Log } from '@posthorn/mail'
import type { Answer } from '@posthorn/smtp'
import type { Account, NewRecipient, Store } from '@posthorn/storage'
import type { AddressBook, AddressClass, Known } from '../policy/address-book.ts'
import type { HeaderRewrites } from '../rewriting/header-addresses.ts'
import { createCanonical } from '../rewriting/index.ts'
import {
  answered,
  asciiName,
  LookupFailed,
  LookupWaits,
  lookupFirst,
  type TableContext,
  type Tables,
} from '../tables/index.ts'
import { createAccountCache } from './account-cache.ts'
import { createAddressClasses } from './address-classes.ts'
import { aliasMembers, comparable, listMembers } from './alias-members.ts'
import { createAutomaticCopies } from './automatic-copies.ts'
import { createDetailMailboxes } from './detail-mailbox.ts'
import { createDirectMailboxes, type DirectMailbox } from './direct-mailboxes.ts'
import { createEnvelopeRules, createHeaderRewrites, type EnvelopeRules } from './envelope-rules.ts'
import { AliasLimitError, ExpansionError, type Gathering, type Walk } from './expansion.ts'
import { createForwardFiles } from './forward-files.ts'
import { deliverLocal } from './local-delivery.ts'
import { createLocalTransports } from './local-transports.ts'
import {
  type EnvelopeRecipient,
  type PlanContext,
  type Planned,
  planDelivery,
  planError,
  planRetry,
} from './planned.ts'
import { accountKey, fail, localName, reach } from './reach.ts'
import type { RoutingOptions } from './routing-options.ts'
import { createSenderRewriting, type SenderRewriting } from './sender-rewriting.ts'
import { createTransportChoice } from './transport-choice.ts'
import { mailboxOf, owns, type VerifyParts, verify } from './verify.ts'
import { type VerpDelimiters, verpSender } from './verp.ts'
import {
  createVirtualAliases,
  type VirtualAliases,
  type VirtualAliasesOptions,
  type VirtualExpansion,
} from './virtual-aliases.ts'

export interface RoutingSources {
  readonly tables: Tables
  readonly accounts: Pick<Accounts, 'find' | 'localDomains'>
  readonly store: Pick<Store, 'watch' | 'accounts' | 'mailboxes' | 'sharing'>
  readonly log: Log
  readonly now: () => number
  readonly unsafeFiles?: TableContext['unsafeFiles']
}

export type Resolved =
  | { readonly kind: 'to'; readonly recipients: readonly NewRecipient[] }
  | { readonly kind: 'refused'; readonly status: string; readonly text: string }

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
  /** For the header of mail from clients of ours: complete addresses, canonical ones. */
  readonly headerRewrites: HeaderRewrites
  /** myorigin or mydestination: where tables may name users without a domain. */
  isLocalDomain(domain: string): boolean
  close(): void
}

/** Whether our own users' mail goes into mailboxes in the unit of work that accepts it, or later by the queue. */
export type LocalMail = 'at-once' | 'through-queue'

/** A user's home that did not answer. */
const retryDelayMs = 60_000

/** Opens the tables and reads the domains. Throws TableError. */
export async function createRouting(options: RoutingOptions, sources: RoutingSources): Promise<Routing> {
  const context: TableContext & { readonly tables: Tables } = {
    log: sources.log,
    now: sources.now,
    tables: sources.tables,
    ...(sources.unsafeFiles === undefined ? {} : { unsafeFiles: sources.unsafeFiles }),
  }
  const accounts = await createAccountCache(sources.accounts, sources.store, sources.now)
  const details = createDetailMailboxes(sources.store, sources.now)
  const classes = createAddressClasses(options, accounts, context)
  const isLocalDomain = (domain: string): boolean =>
    classes.isLocal(domain) || domain === options.myorigin.toLowerCase()
  const site = { complete: classes.complete, isLocalDomain }
  const canonical = createCanonical(options, sources.tables, site)
  const own: Omit<Parts, 'direct' | 'follow'> = {
    options,
    accounts,
    classes,
    log: sources.log,
    aliases: sources.tables.openAliases(options.aliasMaps ?? []),
    relayRecipients: sources.tables.openAll(options.relayRecipientMaps ?? []),
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
  const parts: Parts = {
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
    headerRewrites: createHeaderRewrites(options, canonical),
    isLocalDomain,
    close() {
      accounts.close()
      details.close()
    },
  }
}

type Parts = VerifyParts

const forwardFiles = (
  options: RoutingOptions,
  { log, now }: RoutingSources,
): ReturnType<typeof createForwardFiles> =>
  createForwardFiles({
    homeDirectory: options.homeDirectory ?? '',
    delimiter: options.recipientDelimiter ?? '',
    paths: options.forwardPaths,
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
    limit: options.expansionLimit ?? 1_000,
    recursionLimit: options.recursionLimit ?? 1_000,
    addressLimitBytes: options.aliasAddressLimitBytes ?? 1_000,
  })
}

/** Tables asked over a network may have to be waited for. */
function verifyPatiently(parts: Parts, address: string): Answer<Known> {
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
  parts: Parts,
  { sender, nowMs, poster, ...envelope }: Parameters<Routing['resolve']>[0],
): Promise<Resolved> {
  const planned = await planAgain(parts, { envelope, sender, nowMs, localMail: 'at-once', poster })
  const only = planned.length === 1 ? planned[0]?.recipient.route : undefined
  if (only?.kind !== 'queued') return { kind: 'to', recipients: planned.map((one) => one.recipient) }
  if (only.transport === 'local')
    return { kind: 'refused', status: '4.3.0', text: 'temporary lookup failure' }
  const text = only.transport === 'error' ? /^([245]\.\d+\.\d+) (.*)$/s.exec(only.nextHop) : null
  if (text === null) return { kind: 'to', recipients: planned.map((one) => one.recipient) }
  return { kind: 'refused', status: text[1] ?? '5.0.0', text: text[2] ?? '' }
}

function senderRewritingOf({ senderRewriting }: RoutingOptions): SenderRewriting | undefined {
  return senderRewriting && createSenderRewriting(senderRewriting.domain, senderRewriting.secret)
}

async function planAll(
  parts: Parts,
  recipients: readonly EnvelopeRecipient[],
  request: Omit<PlanRequest, 'envelope'>,
): Promise<readonly Planned[]> {
  const { sender, nowMs, localMail: wanted, verp } = request
  const reached = new Set<string>()
  const planned: Planned[] = []
  for (const envelope of recipients) {
    // RFC 3461 §5.2.3: success is reported by the queue, which sees the delivery.
    const localMail = envelope.notify?.includes('SUCCESS') === true ? 'through-queue' : wanted
    const direct =
      localMail === 'at-once' && verp === undefined ? parts.direct.find(envelope.address) : undefined
    if (direct !== undefined) {
      planDirect(direct, { envelope, originalTo: direct.address, sender, nowMs }, reached, planned)
    } else planned.push(...(await planOne(parts, { ...request, envelope, localMail }, reached)))
  }
  return planned
}

interface PlanRequest {
  readonly envelope: EnvelopeRecipient
  readonly sender: string
  readonly nowMs: number
  readonly localMail: LocalMail
  readonly verp?: VerpDelimiters | undefined
  readonly poster?: string | undefined
}

/** In the queue nobody is told at once of tables that lead nowhere: they are asked again. */
async function planAgain(parts: Parts, request: PlanRequest): Promise<readonly Planned[]> {
  try {
    return await planOne(parts, request, new Set())
  } catch (error) {
    if (!(error instanceof AliasLimitError)) throw error
    parts.log({ level: 'warning', service: 'local', text: error.message })
    const { envelope, sender, nowMs } = request
    return [planRetry({ envelope, originalTo: envelope.address, sender, nowMs }, retryDelayMs)]
  }
}

async function planOne(
  parts: Parts,
  { envelope, sender: given, nowMs, localMail, verp, poster }: PlanRequest,
  reached: Set<string>,
): Promise<readonly Planned[]> {
  const { address: originalTo } = parts.classes.unroute(envelope.address)
  const sender = verp === undefined ? given : verpSender(given, originalTo, verp)
  const plan: PlanContext = {
    envelope,
    originalTo,
    sender,
    nowMs,
    deliveredToFor: parts.options.deliveredToFor,
    ...(verp === undefined ? {} : { returnPath: 'variable' as const }),
  }
  const gathering: Gathering = {
    deliveries: [],
    reached,
    added: [],
    steps: 0,
    served: 0,
    refused: undefined,
  }
  try {
    const back = parts.senderRewriting?.reverse(originalTo, nowMs)
    const expanded = back === undefined ? parts.virtual.expand(originalTo) : only(back)
    if (expanded.kind === 'unreasonable') throw new AliasLimitError(expanded.text)
    for (const address of expanded.addresses) {
      if (localMail === 'through-queue' && isOurs(parts, address, sender)) queueLocal(address, gathering)
      else await follow(parts, address, newWalk(originalTo, sender, poster), gathering)
    }
  } catch (error) {
    for (const key of gathering.added) reached.delete(key)
    if (error instanceof AliasLimitError || error instanceof LookupWaits) throw error
    if (!(error instanceof ExpansionError)) return [retry(parts, plan, error)]
    if (error.status.startsWith('4')) return [planRetry(plan, retryDelayMs)]
    return [planError(plan, error.status, error.message)]
  }
  if (gathering.served === 0) {
    const text = gathering.refused ?? 'alias leads to no usable destination'
    return [planError(plan, gathering.refused === undefined ? '5.3.5' : '5.7.1', text)]
  }
  return gathering.deliveries.map((delivery) => planDelivery(delivery, plan))
}

/** As `planOne` would with no table, alias or .forward on the way. */
function planDirect(
  { account, address }: DirectMailbox,
  plan: PlanContext,
  reached: Set<string>,
  planned: Planned[],
): void {
  const key = accountKey(account)
  if (reached.has(key)) return
  reached.add(key)
  planned.push(planDelivery({ deliveredTo: address, leaf: { kind: 'mailbox', account, address } }, plan))
}

/** A bounce of mail that we forwarded goes on to who sent it. */
const only = (address: string): VirtualExpansion => ({ kind: 'addresses', addresses: [address] })

function isOurs(parts: Parts, address: string, sender: string): boolean {
  const kind = parts.classes.classOf(address.slice(address.lastIndexOf('@') + 1))
  return kind !== 'virtual-alias' && parts.transports.choose(address, kind, () => sender) === undefined
}

/** The queue's local agent asks `resolve` for the rest of the way. */
function queueLocal(address: string, gathering: Gathering): void {
  const transport = { transport: 'local', nextHop: address.slice(address.lastIndexOf('@') + 1) }
  reach(gathering, `local ${address.toLowerCase()}`, {
    deliveredTo: undefined,
    leaf: { kind: 'remote', address, transport },
  })
}

/** Our own fault: nothing is lost, the queue looks again. */
function retry(parts: Parts, plan: PlanContext, error: unknown): Planned {
  if (error instanceof LookupFailed)
    parts.log({ level: 'warning', service: 'local', text: `${plan.originalTo}: ${error.message}` })
  else parts.log({ level: 'error', service: 'local', text: `cannot route ${plan.originalTo}`, error })
  return planRetry(plan, retryDelayMs)
}

function newWalk(original: string, envelopeSender: string, poster: string | undefined): Walk {
  return { original, envelopeSender, poster, entry: undefined, sender: undefined, path: [], from: 'envelope' }
}

async function follow(parts: Parts, given: string, walk: Walk, gathering: Gathering): Promise<void> {
  const { address } = parts.classes.unroute(given)
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const kind = parts.classes.classOf(domain)
  // Postfix's local(8) hands what is not local back to cleanup(8), which asks virtual_alias_maps.
  if (walk.from !== 'envelope' && kind !== 'local' && kind !== 'mailbox' && parts.virtual.has(address)) {
    const expanded = parts.virtual.expand(address)
    if (expanded.kind === 'unreasonable') {
      parts.log({ level: 'warning', service: 'local', text: expanded.text })
      throw new ExpansionError('4.6.0', expanded.text)
    }
    if (!walk.path.includes(`virtual ${address}`)) {
      const next: Walk = { ...walk, path: [...walk.path, `virtual ${address}`] }
      for (const one of expanded.addresses) await follow(parts, one, next, gathering)
      return
    }
  }
  if (kind === 'virtual-alias') {
    return fail(gathering, walk, address, '5.1.1', 'User unknown in virtual alias table')
  }
  const transport = parts.transports.choose(address, kind, () => walk.sender ?? walk.envelopeSender)
  if (transport === undefined) return deliverLocal(parts, ownAddress(parts, address, kind), walk, gathering)
  const sender = walk.sender ?? forwarder(parts, address, kind, walk)
  reach(gathering, `remote ${foldDomain(address)}`, {
    deliveredTo: walk.entry,
    sender,
    leaf: { kind: 'remote', address, transport },
  })
}

/** srs_domain: who answers for mail of a stranger that leaves again for a stranger. undefined: its own sender. */
function forwarder(parts: Parts, address: string, kind: AddressClass, walk: Walk): string | undefined {
  const { senderRewriting, classes, now } = parts
  const { envelopeSender } = walk
  if (senderRewriting === undefined || kind !== 'default' || envelopeSender === '') return undefined
  if (address.toLowerCase() === walk.original.toLowerCase()) return undefined
  const domain = asciiName(envelopeSender.slice(envelopeSender.lastIndexOf('@') + 1))
  return classes.classOf(domain) === 'default' ? senderRewriting.forward(envelopeSender, now()) : undefined
}

/** transport(5) `local:` for a domain that is not ours: the user of that name here. */
function ownAddress(parts: Parts, address: string, kind: AddressClass): string {
  if (kind === 'local' || kind === 'mailbox') return address
  return `${address.slice(0, address.lastIndexOf('@'))}@${parts.classes.shared[0] ?? parts.options.myorigin}`
}

/** Local parts of other systems keep their case. RFC 5321 §2.4. */
function foldDomain(address: string): string {
  const at = address.lastIndexOf('@')
  return address.slice(0, at) + address.slice(at).toLowerCase()
}
