import { OwnTurn } from '@posthorn/storage'
import { LookupFailed, LookupWaits } from '../tables/index.ts'
import type { DirectWay } from './direct-mailboxes.ts'
import { AliasLimitError, ExpansionError, type Gathering, type Walk } from './expansion.ts'
import {
  type EnvelopeRecipient,
  type PlanContext,
  type Planned,
  planDelivery,
  planError,
  planRetry,
} from './planned.ts'
import { accountKey, reach } from './reach.ts'
import type { VerifyParts } from './verify.ts'
import { type VerpDelimiters, verpSender } from './verp.ts'
import type { VirtualExpansion } from './virtual-aliases.ts'

/** Whether our own users' mail goes into mailboxes in the unit of work that accepts it, or later by the queue. */
export type LocalMail = 'at-once' | 'through-queue'

/** A user's home that did not answer. */
const retryDelayMs = 60_000

/** All recipients of a message: each destination once. */
export async function planAll(
  parts: VerifyParts,
  recipients: readonly EnvelopeRecipient[],
  request: Omit<PlanRequest, 'envelope'>,
): Promise<readonly Planned[]> {
  const { sender, nowMs, localMail: wanted, verp } = request
  const reached = new Set<string>()
  const planned: Planned[] = []
  const turn = new OwnTurn()
  for (const envelope of recipients) {
    const pause = turn.pass()
    if (pause !== undefined) await pause
    // RFC 3461 §5.2.3: success is reported by the queue, which sees the delivery.
    const localMail = envelope.notify?.includes('SUCCESS') === true ? 'through-queue' : wanted
    const direct =
      localMail === 'at-once' && verp === undefined && envelope.originalTo === undefined
        ? parts.direct.wayOf(envelope.address)
        : undefined
    if (direct !== undefined) {
      const { originalRecipient } = parts.options
      const originalTo = direct.address
      planDirect(direct, { envelope, originalTo, sender, nowMs, originalRecipient }, reached, planned)
    } else planned.push(...(await planOne(parts, { ...request, envelope, localMail }, { reached, turn })))
  }
  return planned
}

export interface PlanRequest {
  readonly envelope: EnvelopeRecipient
  readonly sender: string
  readonly nowMs: number
  readonly localMail: LocalMail
  readonly verp?: VerpDelimiters | undefined
  readonly poster?: string | undefined
}

/** In the queue nobody is told at once of tables that lead nowhere: they are asked again. */
export async function planAgain(parts: VerifyParts, request: PlanRequest): Promise<readonly Planned[]> {
  try {
    return await planOne(parts, request, { reached: new Set(), turn: new OwnTurn() })
  } catch (error) {
    if (!(error instanceof AliasLimitError)) throw error
    parts.log({ level: 'warning', service: 'local', text: error.message })
    const { envelope, sender, nowMs } = request
    return [planRetry({ envelope, originalTo: envelope.address, sender, nowMs }, retryDelayMs)]
  }
}

async function planOne(
  parts: VerifyParts,
  { envelope, sender: given, nowMs, localMail, verp, poster }: PlanRequest,
  message: Pick<Gathering, 'reached' | 'turn'>,
): Promise<readonly Planned[]> {
  const { reached, turn } = message
  const { address: originalTo } = parts.classes.unroute(envelope.address)
  const sender = verp === undefined ? given : verpSender(given, originalTo, verp)
  const plan: PlanContext = {
    envelope,
    originalTo,
    sender,
    nowMs,
    originalRecipient: parts.options.originalRecipient,
    deliveredToFor: parts.options.deliveredToFor,
    ...(verp === undefined ? {} : { returnPath: 'variable' as const }),
  }
  const gathering: Gathering = {
    deliveries: [],
    ...message,
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
      const pause = turn.pass()
      if (pause !== undefined) await pause
      if (localMail === 'through-queue' && isOurs(parts, address, sender)) queueLocal(address, gathering)
      else await parts.follow(address, newWalk(originalTo, sender, poster), gathering)
    }
  } catch (error) {
    for (const key of gathering.added) reached.delete(key)
    if (error instanceof AliasLimitError || error instanceof LookupWaits) throw error
    if (!(error instanceof ExpansionError)) return [retry(parts, plan, error)]
    if (error.status.startsWith('4')) return [planRetry(plan, retryDelayMs)]
    return [planError(plan, error.status, error.message)]
  }
  if (gathering.served === 0) {
    const { status, text } = gathering.refused ?? nowhere
    return [planError(plan, status, text)]
  }
  return gathering.deliveries.map((delivery) => planDelivery(delivery, plan))
}

const nowhere = { status: '5.3.5', text: 'alias leads to no usable destination' }

/** As `planOne` would with no table or .forward on the way, and no aliases but such as name one address. */
function planDirect(
  { account, address, by }: DirectWay,
  plan: PlanContext,
  reached: Set<string>,
  planned: Planned[],
): void {
  const key = accountKey(account)
  if (reached.has(key)) return
  reached.add(key)
  planned.push(
    planDelivery(
      {
        deliveredTo: address,
        leaf: { kind: 'mailbox', account, address: by === 'own' ? address : account.address },
      },
      plan,
    ),
  )
}

/** A bounce of mail that we forwarded goes on to who sent it. */
const only = (address: string): VirtualExpansion => ({ kind: 'addresses', addresses: [address] })

function isOurs(parts: VerifyParts, address: string, sender: string): boolean {
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
function retry(parts: VerifyParts, plan: PlanContext, error: unknown): Planned {
  if (error instanceof LookupFailed)
    parts.log({ level: 'warning', service: 'local', text: `${plan.originalTo}: ${error.message}` })
  else parts.log({ level: 'error', service: 'local', text: `cannot route ${plan.originalTo}`, error })
  return planRetry(plan, retryDelayMs)
}

function newWalk(original: string, envelopeSender: string, poster: string | undefined): Walk {
  return { original, envelopeSender, poster, entry: undefined, sender: undefined, path: [], from: 'envelope' }
}
