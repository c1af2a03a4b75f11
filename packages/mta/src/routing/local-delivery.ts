import type { Log } from '@posthorn/mail'
import type { Account } from '@posthorn/storage'
import { type LookupTable, lookupFirst } from '../tables/index.ts'
import { type AliasTarget, parseAliasValue, targetsInLines } from './alias-value.ts'
import { deliverOutside } from './deliver-outside.ts'
import type { DetailMailboxes, Poster } from './detail-mailbox.ts'
import { dropNotice, isDoubleBounce } from './double-bounce.ts'
import { ExpansionError, type Gathering, maxLevels, maxTargets, type Walk } from './expansion.ts'
import { type AccountParts, findAccount } from './find-account.ts'
import type { ForwardFiles } from './forward-files.ts'
import { luserRelayAddress } from './luser-relay.ts'
import {
  accountKey,
  fail,
  failUnknown,
  type LocalName,
  localName,
  localTransport,
  passOn,
  type ReachParts,
  reachMailbox,
} from './reach.ts'
import { readIncludeFile } from './safe-file.ts'
import { withExtension } from './virtual-aliases.ts'

export interface LocalParts extends ReachParts, AccountParts {
  readonly aliases: readonly LookupTable[]
  readonly forwards: ForwardFiles
  readonly details: DetailMailboxes
  readonly log: Log
  /** Routes a target that is an address, anywhere. */
  readonly follow: (address: string, walk: Walk, gathering: Gathering) => Promise<void>
}

/** RFC 5321 §4.5.1, RFC 2142: these always reach someone. */
const reservedNames: ReadonlySet<string> = new Set(['postmaster', 'mailer-daemon'])

/** Debian's aliases send postmaster to root, whom nobody may have made an account. */
const isStandIn = (name: string, walk: Walk): boolean =>
  name === 'root' && [...reservedNames].some((reserved) => walk.path.includes(`alias ${reserved}`))

export const isReserved = (name: string): boolean => reservedNames.has(name)

export interface FoundAlias {
  readonly name: string
  readonly value: string
  /** The extension that the table does not name, with its delimiter. */
  readonly unmatched?: string
}

/** The alias a local part names, with its value; the extended name first. aliases(5). */
export function findAlias(aliases: readonly LookupTable[], local: LocalName): FoundAlias | undefined {
  for (const name of local.extension === undefined ? [local.name] : [local.name, local.user]) {
    const value = lookupFirst(aliases, name)
    if (value === undefined) continue
    const unmatched = name === local.name ? undefined : local.name.slice(name.length)
    return unmatched === undefined ? { name, value } : { name, value, unmatched }
  }
  return undefined
}

/**
 * Delivers to a name at a domain of ours: alias, else account with its .forward, else what reserved names
 * fall back to, else `5.1.1 unknown user`. Postfix: local(8).
 */
export async function deliverLocal(
  parts: LocalParts,
  address: string,
  walk: Walk,
  gathering: Gathering,
): Promise<void> {
  if (walk.path.length > maxLevels)
    throw new ExpansionError('5.4.6', `alias database loop for ${walk.original}`)
  const here = walk.entry === undefined ? { ...walk, entry: address } : walk
  const local = localName(address, parts.options.recipientDelimiter ?? '')
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const aliasAllowed = parts.classes.classOf(domain) === 'local' || isReserved(local.name)
  const alias = aliasAllowed ? findAlias(parts.aliases, local) : undefined
  // A name in its own expansion means the mailbox of that name.
  if (alias !== undefined && !walk.path.includes(`alias ${alias.name}`)) {
    await expandAlias(parts, alias, here, gathering)
    return
  }
  const found = await findAccount(parts, local, domain)
  if (found !== undefined) {
    await deliverAccount(parts, { ...found, address }, here, gathering)
    return
  }
  if (isReserved(local.name) || isStandIn(local.name, walk)) {
    await deliverReserved(parts, local.name, here, gathering)
    return
  }
  if (isDoubleBounce(parts.options, local)) return dropNotice(address, here, gathering)
  const taken = localTransport(parts, local, domain, 'mailbox')
  if (taken !== undefined) return passOn(taken, address, here, gathering)
  if (alias !== undefined) return refuseLoop(parts, alias.name, address, walk, gathering)
  const fallback = localTransport(parts, local, domain, 'fallback')
  if (fallback !== undefined) return passOn(fallback, address, here, gathering)
  const elsewhere = luserRelay(parts, local, address, domain)
  if (elsewhere !== undefined && !walk.path.includes('luser_relay')) {
    const next: Walk = { ...here, from: 'alias', path: [...here.path, 'luser_relay'] }
    return parts.follow(elsewhere, next, gathering)
  }
  failUnknown(parts, address, local.name, here, gathering)
}

/** An alias that comes to itself, and no user has the name: those who are named beside it have their copies. */
function refuseLoop(
  parts: LocalParts,
  alias: string,
  address: string,
  walk: Walk,
  gathering: Gathering,
): void {
  // `root: root, admin` asks for root's own mailbox: what lacks is the user.
  const refused =
    walk.path.at(-1) === `alias ${alias}`
      ? { status: '5.1.1', text: `unknown user: "${alias}"` }
      : { status: '5.4.6', text: `alias database loop for ${address}` }
  parts.log({ level: 'warning', service: 'local', text: `alias ${alias}: ${refused.text}; target ignored` })
  gathering.refused = refused
}

/** Postfix: for domains of mydestination alone. */
function luserRelay(
  parts: LocalParts,
  local: LocalName,
  address: string,
  domain: string,
): string | undefined {
  const { luserRelay: template = '', recipientDelimiter = '' } = parts.options
  if (template === '' || parts.classes.classOf(domain) !== 'local') return undefined
  return luserRelayAddress(template, local, address, recipientDelimiter)
}

async function expandAlias(
  parts: LocalParts,
  alias: FoundAlias,
  walk: Walk,
  gathering: Gathering,
): Promise<void> {
  const targets = parseAliasValue(alias.value)
  const next: Walk = {
    ...walk,
    from: 'alias',
    sender: aliasOwner(parts, alias.name) ?? walk.sender,
    unmatched: propagates(parts, 'alias') ? alias.unmatched : undefined,
    ownerUid: undefined,
    path: [...walk.path, `alias ${alias.name}`],
  }
  await followTargets(parts, targets, `alias ${alias.name}`, next, gathering)
}

/** Postfix: propagate_unmatched_extensions. */
const propagates = ({ options }: LocalParts, what: 'alias' | 'forward' | 'include'): boolean =>
  options.propagateExtensions?.includes(what) === true

/** aliases(5): who hears of failures of a list. Postfix: owner_request_special, expand_owner_alias. */
export function aliasOwner(
  { options, aliases, classes }: Pick<LocalParts, 'options' | 'aliases' | 'classes'>,
  name: string,
): string | undefined {
  if (options.ownerRequestSpecial === 'no' || name.startsWith('owner-')) return undefined
  const owner = `owner-${name}`
  const value = lookupFirst(aliases, owner)
  if (value === undefined) return undefined
  const [first] = options.expandOwnerAlias === 'yes' ? parseAliasValue(value) : []
  return classes.complete(first?.kind === 'address' ? first.address : owner)
}

async function followTargets(
  parts: LocalParts,
  targets: Iterable<AliasTarget>,
  label: string,
  walk: Walk,
  gathering: Gathering,
): Promise<void> {
  for (const target of targets) {
    if (++gathering.steps > maxTargets) {
      throw new ExpansionError('5.4.6', `unreasonable alias expansion size for ${walk.original}`)
    }
    const pause = gathering.turn.pass()
    if (pause !== undefined) await pause
    await followTarget(parts, target, label, walk, gathering)
  }
}

async function followTarget(
  parts: LocalParts,
  target: AliasTarget,
  label: string,
  walk: Walk,
  gathering: Gathering,
): Promise<void> {
  const warn = (text: string) => parts.log({ level: 'warning', service: 'local', text: `${label}: ${text}` })
  switch (target.kind) {
    case 'bad':
      return warn(`bad target ignored: ${JSON.stringify(target.text.slice(0, 200))}`)
    case 'own': {
      const address = parts.classes.complete(target.name)
      return deliverOwn(parts, address, walk, gathering)
    }
    case 'include':
      return followInclude(parts, target.path, walk, gathering, warn)
    case 'command':
    case 'file':
      return deliverOutside(parts, target, walk, gathering, warn)
    case 'address':
      return parts.follow(
        withExtension(parts.classes.complete(target.address), walk.unmatched),
        walk,
        gathering,
      )
  }
}

/** `\name`: straight into the mailbox. */
async function deliverOwn(
  parts: LocalParts,
  address: string,
  walk: Walk,
  gathering: Gathering,
): Promise<void> {
  const local = localName(address, parts.options.recipientDelimiter ?? '')
  const found = await findAccount(parts, local, address.slice(address.lastIndexOf('@') + 1))
  if (found !== undefined) return reachMailbox(parts, found.account, address, walk, gathering)
  failUnknown(parts, address, local.name, walk, gathering)
}

async function followInclude(
  parts: LocalParts,
  path: string,
  walk: Walk,
  gathering: Gathering,
  warn: (text: string) => void,
): Promise<void> {
  // A user's .forward would have us read any file for him.
  if (walk.from === 'forward' || !path.startsWith('/'))
    return warn(`:include:${path} is not allowed here; ignored`)
  const label = `include ${path}`
  if (walk.path.includes(label)) return warn(`:include:${path} includes itself; ignored`)
  const file = await readIncludeFile(path)
  if (file.kind === 'text') {
    const unmatched = propagates(parts, 'include') ? walk.unmatched : undefined
    const ownerUid = walk.ownerUid ?? file.ownerUid
    const next: Walk = { ...walk, from: 'include', unmatched, ownerUid, path: [...walk.path, label] }
    return followTargets(parts, targetsInLines(file.text), label, next, gathering)
  }
  const reason = file.kind === 'absent' ? 'no such file' : file.reason
  warn(`cannot use :include:${path}: ${reason}`)
  // Who stands beside it gets the mail, and its sender hears that those in the file do not.
  if (file.kind !== 'temporary')
    return fail(gathering, walk, walk.entry ?? walk.original, {
      status: '5.3.5',
      text: 'mail system configuration error',
      agent: 'local',
    })
  throw new ExpansionError('4.2.0', `error opening include file ${path}`)
}

async function deliverAccount(
  parts: LocalParts,
  found: { readonly account: Account; readonly extension: string | undefined; readonly address: string },
  walk: Walk,
  gathering: Gathering,
): Promise<void> {
  const { account, address } = found
  const label = accountKey(account)
  // The user's own address in his .forward keeps a copy.
  if (walk.path.includes(label)) return reachMailbox(parts, account, address, walk, gathering)
  const forwarding = await parts.forwards.find(account, found.extension)
  if (forwarding.kind === 'temporary') {
    throw new ExpansionError('4.3.0', `cannot read .forward of ${account.address}: ${forwarding.reason}`)
  }
  if (forwarding.kind === 'none') {
    const { extension } = found
    const mailbox =
      extension === undefined
        ? undefined
        : await parts.details.find(account.id, extension, await posterOf(parts, walk))
    return reachMailbox(parts, account, address, walk, gathering, mailbox)
  }
  const before = gathering.served
  const { name, user } = localName(address, parts.options.recipientDelimiter ?? '')
  const unmatched =
    found.extension !== undefined && propagates(parts, 'forward') ? name.slice(user.length) : undefined
  const { ownerUid } = forwarding
  const next: Walk = { ...walk, from: 'forward', unmatched, ownerUid, path: [...walk.path, label] }
  await followTargets(parts, forwarding.targets, `${account.address}: .forward`, next, gathering)
  // A .forward that leads nowhere at all loses no mail.
  if (gathering.served === before) reachMailbox(parts, account, address, walk, gathering)
}

async function posterOf({ accounts }: LocalParts, { poster }: Walk): Promise<Poster> {
  const account = poster === undefined ? undefined : await accounts.find(poster)
  return account?.id ?? 'stranger'
}

async function deliverReserved(
  parts: LocalParts,
  name: string,
  walk: Walk,
  gathering: Gathering,
): Promise<void> {
  const { options, aliases } = parts
  for (const standIn of ['postmaster', 'root']) {
    if (standIn === name || walk.path.includes(`alias ${standIn}`)) continue
    const value = lookupFirst(aliases, standIn)
    if (value === undefined) continue
    return expandAlias(parts, { name: standIn, value }, walk, gathering)
  }
  const administrator = options.administrator ?? ''
  if (administrator !== '' && !walk.path.includes('administrator')) {
    return parts.follow(
      administrator,
      { ...walk, from: 'alias', path: [...walk.path, 'administrator'] },
      gathering,
    )
  }
  const first = await parts.accounts.first()
  if (first !== undefined) return reachMailbox(parts, first, first.address, walk, gathering)
  failUnknown(parts, walk.original, name, walk, gathering)
}
