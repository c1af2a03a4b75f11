import { formatColumns } from '../commands/posthorn/columns.ts'
import { hashOfAll } from './hashing.ts'

export interface Side {
  readonly messages: number
  /** `hashOfAll`. */
  readonly hash: string
}

/** What an import did with one mailbox, and whether both sides hold the same now. */
export interface MailboxReceipt {
  readonly from: string
  readonly to: string
  readonly added: number
  readonly flagsChanged: number
  readonly removed: number
  readonly source: Side
  readonly here: Side
  /** Messages here that did not come from there. */
  readonly others: number
  readonly uids: 'kept' | 'new'
  readonly differences: readonly string[]
}

export const sideOf = (hashes: readonly string[]): Side => ({
  messages: hashes.length,
  hash: hashOfAll(hashes),
})

export const isSame = ({ source, here, differences }: MailboxReceipt): boolean =>
  source.messages === here.messages && source.hash === here.hash && differences.length === 0

const maxDifferencesShown = 20

export function formatReceipt(receipts: readonly MailboxReceipt[]): string {
  const rows = receipts.map((one) => [
    one.from === one.to ? one.to : `${one.from} -> ${one.to}`,
    `${one.added} new`,
    `${one.flagsChanged} flags changed`,
    `there ${one.source.messages} ${one.source.hash}`,
    `here ${one.here.messages} ${one.here.hash}`,
    isSame(one) ? 'same' : 'DIFFERENT',
    one.uids === 'kept' ? 'UIDs kept' : '',
  ])
  const differences = receipts.flatMap(({ to, differences: found }) => [
    ...found.slice(0, maxDifferencesShown).map((text) => `${to}: ${text}\n`),
    ...(found.length > maxDifferencesShown
      ? [`${to}: and ${found.length - maxDifferencesShown} more\n`]
      : []),
  ])
  return `${formatColumns(rows)}${differences.join('')}`
}
