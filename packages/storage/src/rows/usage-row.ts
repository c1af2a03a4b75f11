import { crc32 } from 'node:zlib'
import { type Account, StoreError } from '../contract.ts'
import { keyAfter, keyOf32, read64, tables, write64 } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { readAccount } from './account-row.ts'
import { readMailboxState } from './mailbox-row.ts'
import { readNumberRow } from './seal.ts'

export interface Usage {
  readonly sizeBytes: number
  readonly messages: number
}

const sealAt = 16
const rowBytes = 20

/** undefined: the row is damaged. One of 16 octets, from before there was a checksum, is believed. */
export const usageIn = (key: Buffer, bytes: Buffer): Usage | undefined => {
  const isWhole =
    bytes.length === sealAt ||
    (bytes.length === rowBytes && bytes.readUInt32BE(sealAt) === crc32(key, crc32(bytes.subarray(0, sealAt))))
  return isWhole ? { sizeBytes: read64(bytes, 0), messages: read64(bytes, 8) } : undefined
}

/** Where the row is damaged, what the account's mailboxes hold. */
export const readUsage = (reader: Reader, account: number): Usage => {
  const key = keyOf32(tables.usage, account)
  const bytes = reader.get(key)
  if (bytes === undefined) return { sizeBytes: 0, messages: 0 }
  return usageIn(key, bytes) ?? sumOfMailboxes(reader, account)
}

const sumOfMailboxes = (reader: Reader, account: number): Usage => {
  const start = keyOf32(tables.mailboxByName, account)
  const sum = { sizeBytes: 0, messages: 0 }
  for (const { key, value } of [...reader.range({ start, end: keyAfter(start) })]) {
    const state = readMailboxState(reader, readNumberRow(key, value))
    sum.sizeBytes += state?.sizeBytes ?? 0
    sum.messages += state?.messages ?? 0
  }
  return sum
}

export const writeUsage = (unit: Unit, account: number, usage: Usage): void => {
  const key = keyOf32(tables.usage, account)
  const bytes = Buffer.allocUnsafe(rowBytes)
  write64(bytes, usage.sizeBytes, 0)
  write64(bytes, usage.messages, 8)
  bytes.writeUInt32BE(crc32(key, crc32(bytes.subarray(0, sealAt))), sealAt)
  unit.put(key, bytes)
}

/** A damaged row is left as it is: its place is taken by what the mailboxes say, of which this may be part or not. */
export const addUsage = (unit: Unit, account: number, sizeBytes: number, messages: number): void => {
  const key = keyOf32(tables.usage, account)
  const bytes = unit.get(key)
  const usage = bytes === undefined ? { sizeBytes: 0, messages: 0 } : usageIn(key, bytes)
  if (usage === undefined) return
  writeUsage(unit, account, {
    sizeBytes: Math.max(0, usage.sizeBytes + sizeBytes),
    messages: Math.max(0, usage.messages + messages),
  })
}

/** What accounts without limits of their own may hold; 0 = unlimited. */
export interface DefaultQuota {
  readonly defaultQuotaBytes: number
  readonly defaultQuotaMessages: number
}

/** What is to be added. */
export interface Load {
  readonly sizeBytes: number
  readonly messages: number
}

/** For a caller that has the account's row. */
export const exceedsQuota = (
  reader: Reader,
  account: Pick<Account, 'id' | 'quotaBytes' | 'quotaMessages'>,
  load: Load,
  standard: DefaultQuota,
): boolean => {
  const limitBytes = account.quotaBytes || standard.defaultQuotaBytes
  const limitMessages = account.quotaMessages || standard.defaultQuotaMessages
  if (limitBytes === 0 && limitMessages === 0) return false
  const usage = readUsage(reader, account.id)
  return (
    (limitBytes > 0 && usage.sizeBytes + load.sizeBytes > limitBytes) ||
    (limitMessages > 0 && usage.messages + load.messages > limitMessages)
  )
}

/** Throws 'over-quota' when the load does not fit. */
export const checkQuota = (reader: Reader, account: number, load: Load, standard: DefaultQuota): void => {
  const row = readAccount(reader, account)
  if (row !== undefined && load.messages > 0 && exceedsQuota(reader, row, load, standard)) {
    throw new StoreError(
      'over-quota',
      `Cannot add ${load.messages} messages of ${load.sizeBytes} octets: quota exceeded`,
    )
  }
}
