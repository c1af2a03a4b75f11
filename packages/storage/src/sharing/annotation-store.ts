import {
  type AccountId,
  type AnnotationChange,
  type AnnotationPlace,
  type AnnotationStore,
  annotationLimits,
  type MailboxId,
  StoreError,
} from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import {
  annotationKey,
  annotationsOf,
  getAnnotation,
  removeAnnotation,
  writeAnnotation,
} from '../rows/annotation-row.ts'
import { countMailboxChange, readMailboxFacts } from '../rows/mailbox-row.ts'

const server = 0
const shared = 0

export const createAnnotationStore = (engine: Engine): AnnotationStore => ({
  async list(place, scope) {
    return annotationsOf(snapshotOf(engine), placeNumber(place), scopeNumber(scope))
  },
  change: (place, changes, origin) => engine.commit.run((unit) => change(unit, place, changes, origin)),
})

const placeNumber = (place: AnnotationPlace): number => (place === 'server' ? server : place)
const scopeNumber = (scope: AccountId | 'shared'): number => (scope === 'shared' ? shared : scope)

const change = (
  unit: Unit,
  place: AnnotationPlace,
  changes: readonly AnnotationChange[],
  origin: string | undefined,
): void => {
  const mailbox = placeNumber(place)
  const owner = mailbox === server ? undefined : readMailboxFacts(unit, mailbox)?.account
  if (mailbox !== server && owner === undefined)
    throw new StoreError('no-such-mailbox', `Cannot annotate mailbox ${mailbox}: it does not exist`)
  const names = new Map<number, Set<string>>()
  for (const { name, scope, value } of changes) {
    const account = scopeNumber(scope)
    const key = annotationKey(mailbox, account, name)
    const former = getAnnotation(unit, key)
    if (value === undefined ? former === undefined : former?.equals(value)) continue
    if (value === undefined) removeAnnotation(unit, key)
    else {
      refuseTooLarge(name, value)
      writeAnnotation(unit, key, value)
    }
    const changed = names.get(account) ?? new Set()
    names.set(account, changed.add(name))
  }
  if (names.size > 0 && mailbox !== server) countMailboxChange(unit, mailbox)
  for (const [account, changed] of names) {
    refuseTooMany(unit, mailbox, account)
    unit.wake({
      kind: 'annotations',
      names: Array.from(changed, (name) => (account === shared ? `/shared${name}` : `/private${name}`)),
      ...(owner !== undefined && { mailbox: mailbox as MailboxId, account: owner as AccountId }),
      ...(account !== shared && { privateTo: account as AccountId }),
      ...(origin !== undefined && { origin }),
    })
  }
}

const refuseTooLarge = (name: string, value: Uint8Array): void => {
  const { nameBytes, valueBytes } = annotationLimits
  if (Buffer.byteLength(name) > nameBytes)
    throw new StoreError('invalid-name', `Cannot set annotation: a name has at most ${nameBytes} octets`)
  if (value.length > valueBytes)
    throw new StoreError('too-large', `Cannot set annotation: a value has at most ${valueBytes} octets`)
}

const refuseTooMany = (unit: Unit, mailbox: number, account: number): void => {
  const all = annotationsOf(unit, mailbox, account)
  const totalBytes = all.reduce((sum, { value }) => sum + value.length, 0)
  if (all.length > annotationLimits.count || totalBytes > annotationLimits.totalBytes)
    throw new StoreError('limit', 'Cannot set annotation: there are too many')
}
