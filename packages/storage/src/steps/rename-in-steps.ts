import { setTimeout as delay } from 'node:timers/promises'
import { type AccountId, StoreError } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import { keyAfter } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { normalizeName, separator } from '../mailboxes/names.ts'
import {
  type MailboxFacts,
  mailboxNameKey,
  putMailboxName,
  readMailboxFacts,
  writeMailboxFacts,
} from '../rows/mailbox-row.ts'
import { readRenaming, removeRenaming, writeRenaming } from '../rows/renaming-row.ts'
import { readNumberRow } from '../rows/seal.ts'

interface Child {
  readonly id: number
  readonly name: string
}

/** A name costs more than a message. */
const namesIn = ({ stepMessages }: Engine): number => Math.max(1, stepMessages >>> 1)

/**
 * Gives a mailbox and all below it their new names: few at once, many with further steps, until which nobody else changes
 * names of the account. 'more': `UnfinishedWork.rename` does the rest. Throws 'invalid-name' when one of them cannot be.
 */
export const renameTree = (
  engine: Engine,
  unit: Unit,
  { id, account, from, to }: { id: number; account: number; from: string; to: string },
): 'more' | 'done' => {
  const children = childrenOf(unit, account, from)
  refuseBadNames(children, from, to)
  giveName(unit, id, from, to)
  if (children.length > namesIn(engine)) {
    writeRenaming(unit, account, { owner: engine.self.token, mailbox: id, from })
    return 'more'
  }
  for (const child of children) giveName(unit, child.id, child.name, to + child.name.slice(from.length))
  return 'done'
}

/** One step of what a row says. */
export const renameStep = (engine: Engine, unit: Unit, account: number): 'more' | 'done' => {
  const renaming = readRenaming(unit, account)
  if (renaming?.owner !== engine.self.token) return 'done'
  const { mailbox, from } = renaming
  const to = readMailboxFacts(unit, mailbox)?.name
  const limit = namesIn(engine)
  const children = to === undefined ? [] : childrenOf(unit, account, from, limit)
  for (const child of children) giveName(unit, child.id, child.name, to + child.name.slice(from.length))
  unit.wake({ kind: 'mailboxes', account: account as AccountId })
  if (children.length === limit) return 'more'
  removeRenaming(unit, account)
  return 'done'
}

const childrenOf = (reader: Reader, account: number, name: string, limit?: number): Child[] => {
  const start = mailboxNameKey(account, name + separator)
  const limits = { start, end: keyAfter(start), ...(limit !== undefined && { limit }) }
  return Array.from(reader.range(limits), ({ key, value }) => ({
    id: readNumberRow(key, value),
    name: key.toString('utf8', 5),
  }))
}

/** Before anything is changed. They are names already: only the longest and the deepest may be too much. */
const refuseBadNames = (children: readonly Child[], from: string, to: string): void => {
  const most = (measure: (name: string) => number): string | undefined => {
    let found: { readonly name: string; readonly measured: number } | undefined
    for (const { name } of children) {
      const measured = measure(name)
      if (found === undefined || measured > found.measured) found = { name, measured }
    }
    return found?.name
  }
  for (const name of [most(Buffer.byteLength), most((each) => each.split(separator).length)])
    if (name !== undefined) normalizeName(to + name.slice(from.length))
}

const giveName = (unit: Unit, id: number, from: string, name: string): void => {
  const facts = readMailboxFacts(unit, id)
  if (facts === undefined) return
  unit.remove(mailboxNameKey(facts.account, from))
  putMailboxName(unit, id, { account: facts.account, name })
  writeMailboxFacts(unit, id, { ...facts, name } satisfies MailboxFacts)
}

const waitMs = 10
const mostWaits = 1_000

/**
 * A unit that changes names of an account, once no renaming of it is under way.
 * Rejects with 'in-use' after ten seconds.
 */
export const changeNames = async <T>(
  engine: Engine,
  account: number,
  room: 'uses' | 'frees',
  work: (unit: Unit) => T,
): Promise<T> => {
  const attempt = (unit: Unit): { readonly value: T } | undefined =>
    readRenaming(unit, account) === undefined ? { value: work(unit) } : undefined
  for (let waits = 0; waits < mostWaits; waits++) {
    if (readRenaming(snapshotOf(engine), account) === undefined) {
      const done = await (room === 'uses' ? engine.commit.run(attempt) : engine.commit.runFreeing(attempt))
      if (done !== undefined) return done.value
    }
    await delay(waitMs)
  }
  throw new StoreError(
    'in-use',
    'Cannot change names of mailboxes: one with many others below it is being renamed',
  )
}
