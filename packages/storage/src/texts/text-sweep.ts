import { statSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Environment } from '../kv/environment.ts'
import { keyAfter, keyOf32, tables } from '../kv/keys.ts'
import { type Reader, Snapshot } from '../kv/unit.ts'
import { listingCounts } from '../listings/listing-writer.ts'
import { readAccount } from '../rows/account-row.ts'
import { at, chunkHeadBytes, chunkRows, placementBytes } from '../rows/chunk.ts'
import { readUsage } from '../rows/usage-row.ts'
import { accountOfName, dataFileOf, indexHeadBytes, indexPath, recordBytes } from './text-record.ts'
import { readGeneration } from './text-writer.ts'

/** Texts are written anew when more than this share of them (and a few) belong to no message. */
const deadShare = 0.4
const fewDead = 20
/** Rows read in one turn. */
const sliceRows = 500

/** Mail that trickles in makes blocks of single messages; they are put together when there are too many. */
const fewBlocks = 64
const messagesOfBlock = 4

/** What of an account's files is to be written anew; undefined: nothing. */
export const needsCompaction = (
  reader: Reader,
  directory: string,
  account: number,
): { readonly texts: boolean; readonly listings: boolean } | 'remove' | undefined => {
  const stat = statSync(indexPath(directory, account), { throwIfNoEntry: false })
  const listed = listingCounts(directory, account)
  if (stat === undefined && listed === undefined) return undefined
  const { messages } = readUsage(reader, account)
  if (messages === 0 || readAccount(reader, account) === undefined) return 'remove'
  const most = messages * (1 + deadShare) + fewDead
  const texts = stat !== undefined && (stat.size - indexHeadBytes) / recordBytes > most
  const listings =
    listed !== undefined &&
    (listed.messages > most || listed.blocks > fewBlocks + listed.messages / messagesOfBlock)
  return texts || listings ? { texts, listings } : undefined
}

/** Message ids of everything an account has. */
export const livingMessages = async (environment: Environment, account: number): Promise<Float64Array> => {
  const living: number[] = []
  const prefix = keyOf32(tables.mailboxByName, account)
  const names = new Snapshot(environment).range({ start: prefix, end: keyAfter(prefix) })
  for (const mailbox of Array.from(names, ({ value }) => value.readUInt32BE(0))) {
    for (let fromUid: number | undefined = 0; fromUid !== undefined; await nextTurn()) {
      fromUid = readSlice(new Snapshot(environment), mailbox, fromUid, living)
    }
  }
  return Float64Array.from(living)
}

/** Gives back the UID to go on from. */
const readSlice = (
  reader: Reader,
  mailbox: number,
  fromUid: number,
  living: number[],
): number | undefined => {
  let rows = 0
  for (const { chunk, bytes } of chunkRows(reader, mailbox, fromUid)) {
    if (rows++ === sliceRows) return chunk * 32
    for (let base = chunkHeadBytes; base < bytes.length; base += placementBytes) {
      living.push(bytes.readUIntBE(base + at.messageId, 6))
    }
  }
  return undefined
}

export const textAccounts = async (directory: string): Promise<Set<number>> => {
  const accounts = new Set<number>()
  for (const name of await readdir(directory)) {
    const account = accountOfName(name)
    if (account !== undefined) accounts.add(account)
  }
  return accounts
}

/** Removes files that no index names: what a crash in the middle of a compaction left. */
export const strayFiles = async (directory: string): Promise<void> => {
  let looked = 0
  for (const name of await readdir(directory)) {
    if (name.endsWith('.new')) await rm(join(directory, name), { force: true })
    const file = dataFileOf(name)
    if (file === undefined) continue
    if (readGeneration(directory, file.account) !== file.generation) {
      await rm(join(directory, name), { force: true })
    }
    if (++looked % 100 === 0) await nextTurn()
  }
}
