import { encodeSummary, scanMessage } from '@posthorn/mail'
import {
  type Account,
  type AccountId,
  type AppendItem,
  type FetchWant,
  type FlagChange,
  type Mailbox,
  type MailboxId,
  type MessageBatch,
  type ModSeq,
  type SearchCriteria,
  type SpecialUse,
  type StagedMessage,
  type Store,
  StoreError,
  type Uid,
  type Wake,
} from '@posthorn/storage'

interface Row {
  uid: number
  flags0: number
  modSeq: number
  bytes: Buffer
  dateMs: number
}
interface Box {
  name: string
  id: MailboxId
  account: AccountId
  uidValidity: number
  uidNext: number
  modSeq: number
  specialUse: readonly SpecialUse[]
  selectable: boolean
  firstRecent: number
  keywords: string[]
  rows: Row[]
  gone: { uid: number; modSeq: number }[]
}

const stagedBytes = new WeakMap<StagedMessage, Buffer>()

/** What tests of SEARCH's grammar and answers need; texts are the search package's business. */
function matches(criteria: SearchCriteria, row: Row, keywords: readonly string[]): boolean {
  switch (criteria.kind) {
    case 'all':
      return true
    case 'and':
      return criteria.of.every((one) => matches(one, row, keywords))
    case 'or':
      return criteria.of.some((one) => matches(one, row, keywords))
    case 'not':
      return !matches(criteria.of, row, keywords)
    case 'uids':
      return criteria.ranges.some(([from, to]) => row.uid >= from && row.uid <= to)
    case 'flag':
      return (row.flags0 & criteria.mask) === criteria.mask
    case 'keyword': {
      const slot = keywords.findIndex((name) => name.toLowerCase() === criteria.name.toLowerCase())
      return slot >= 0 && ((row.flags0 >>> (5 + slot)) & 1) === 1
    }
    case 'larger':
      return row.bytes.length > criteria.sizeBytes
    case 'smaller':
      return row.bytes.length < criteria.sizeBytes
    case 'modseq':
      return row.modSeq >= criteria.atLeast
    default:
      throw new Error(`The memory store does not search by ${criteria.kind}`)
  }
}

/** For tests of sessions: the part of the store that IMAP uses, in Maps. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: one closure for all of it, for tests only
export function createMemoryStore(): Store {
  const accounts: Account[] = []
  const boxes = new Map<number, Box>()
  const subscribed = new Set<string>()
  const listeners = new Set<(wake: Wake) => void>()
  const watchers = new Map<number, Set<(modSeq: ModSeq) => void>>()
  let ids = 1

  const wake = (box: Box): void => {
    for (const watcher of watchers.get(box.id) ?? []) watcher(box.modSeq as ModSeq)
    for (const listener of listeners)
      listener({ kind: 'mailbox', mailbox: box.id, account: box.account, modSeq: box.modSeq as ModSeq })
  }
  const byName = (account: AccountId, name: string): Box | undefined =>
    [...boxes.values()].find((box) => box.account === account && box.name === name)
  const boxOf = (id: MailboxId): Box => {
    const box = boxes.get(id)
    if (box === undefined) throw new StoreError('no-such-mailbox', 'Mailbox does not exist')
    return box
  }
  const named = (account: AccountId, name: string): Box => {
    const box = byName(account, name)
    if (box === undefined)
      throw new StoreError('no-such-mailbox', `Cannot open mailbox "${name}": it does not exist`)
    return box
  }
  const show = (box: Box): Mailbox => ({
    id: box.id,
    account: box.account,
    name: box.name,
    uidValidity: box.uidValidity,
    uidNext: box.uidNext as Uid,
    highestModSeq: box.modSeq as ModSeq,
    specialUse: box.specialUse,
    subscribed: subscribed.has(`${box.account} ${box.name}`),
    selectable: box.selectable,
    messages: box.rows.length,
    unseen: box.rows.filter((row) => (row.flags0 & 1) === 0).length,
    deleted: box.rows.filter((row) => (row.flags0 & 8) !== 0).length,
    sizeBytes: box.rows.reduce((sum, row) => sum + row.bytes.length, 0),
    firstRecent: box.firstRecent as Uid,
    keywords: [...box.keywords],
    objectId: `${box.id}`.padStart(32, '0'),
  })
  const make = (
    account: AccountId,
    name: string,
    specialUse: readonly SpecialUse[],
    selectable: boolean,
  ): Box => {
    const id = ids++ as MailboxId
    const box: Box = {
      name,
      id,
      account,
      specialUse,
      selectable,
      uidValidity: 1000 + id,
      uidNext: 1,
      modSeq: 1,
      firstRecent: 1,
      keywords: [],
      rows: [],
      gone: [],
    }
    boxes.set(id, box)
    return box
  }
  const batch = (rows: readonly Row[], want: FetchWant): MessageBatch => ({
    uids: Uint32Array.from(rows, (row) => row.uid),
    flags0: Uint32Array.from(rows, (row) => row.flags0),
    flags1: new Uint32Array(rows.length),
    modSeqs: Float64Array.from(rows, (row) => row.modSeq),
    ...(want.bytes !== undefined && { bytes: rows.map((row) => row.bytes) }),
    ...(want.summary && { summaries: rows.map((row) => encodeSummary(scanMessage(row.bytes))) }),
    prefixes: rows.map(() => Buffer.alloc(0)),
    facts: {
      messageIds: Float64Array.from(rows, (row) => row.uid),
      sizeBytes: Float64Array.from(rows, (row) => row.bytes.length),
      internalDatesMs: Float64Array.from(rows, (row) => row.dateMs),
      saveDatesMs: Float64Array.from(rows, (row) => row.dateMs),
    },
  })
  const pickRows = (box: Box, uids: Uint32Array): Row[] => box.rows.filter((row) => uids.includes(row.uid))
  const addRow = (box: Box, bytes: Buffer, flags0: number, dateMs: number): Row => {
    const row = { uid: box.uidNext++, flags0, modSeq: box.modSeq, bytes, dateMs }
    box.rows.push(row)
    return row
  }
  const drop = (box: Box, rows: readonly Row[]): { uids: Uint32Array; modSeq: ModSeq } => {
    if (rows.length > 0) {
      box.modSeq++
      box.rows = box.rows.filter((row) => !rows.includes(row))
      for (const { uid } of rows) box.gone.push({ uid, modSeq: box.modSeq })
      wake(box)
    }
    return { uids: Uint32Array.from(rows, (row) => row.uid), modSeq: box.modSeq as ModSeq }
  }
  const bits = (box: Box, flags: FlagChange['flags']): number => {
    let word = flags.system
    for (const keyword of flags.keywords) {
      if (!box.keywords.includes(keyword)) box.keywords.push(keyword)
      word |= 1 << (5 + box.keywords.indexOf(keyword))
    }
    return word >>> 0
  }
  const copyRows = (from: Box, uids: Uint32Array, to: Box) => {
    const rows = pickRows(from, uids)
    to.modSeq++
    const made = rows.map((row) => addRow(to, row.bytes, row.flags0, row.dateMs))
    wake(to)
    return {
      rows,
      copied: {
        uidValidity: to.uidValidity,
        from: Uint32Array.from(rows, (row) => row.uid),
        to: Uint32Array.from(made, (row) => row.uid),
      },
    }
  }
  const store = {
    accounts: {
      async create(account: Omit<Account, 'id' | 'createdMs'>) {
        const made = { ...account, id: (accounts.length + 1) as AccountId, createdMs: 0 }
        accounts.push(made)
        make(made.id, 'INBOX', [], true)
        for (const use of ['Drafts', 'Sent', 'Junk', 'Trash', 'Archive'] as const) {
          make(made.id, use, [use], true)
          subscribed.add(`${made.id} ${use}`)
        }
        subscribed.add(`${made.id} INBOX`)
        return made
      },
      find: async (address: string) => accounts.find((account) => account.address === address),
    },
    mailboxes: {
      list: async (account: AccountId) =>
        [...boxes.values()].filter((box) => box.account === account).map(show),
      subscriptions: async (account: AccountId) =>
        [...subscribed]
          .filter((key) => key.startsWith(`${account} `))
          .map((key) => key.slice(`${account} `.length)),
      find: async (account: AccountId, name: string) => {
        const box = byName(account, name)
        return box && show(box)
      },
      get: async (id: MailboxId) => {
        const box = boxes.get(id)
        return box && show(box)
      },
      async create(account: AccountId, name: string, specialUse: readonly SpecialUse[] = []) {
        if (name === '' || name.startsWith('/') || name.includes('//'))
          throw new StoreError('invalid-name', 'Cannot create the mailbox: invalid name')
        const old = byName(account, name)
        if (old?.selectable) throw new StoreError('mailbox-exists', 'Cannot create the mailbox: it exists')
        for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
          if (byName(account, name.slice(0, at)) === undefined) make(account, name.slice(0, at), [], true)
        }
        if (old !== undefined) boxes.delete(old.id)
        return show(make(account, name, specialUse, true))
      },
      async remove(account: AccountId, name: string) {
        const box = named(account, name)
        const children = [...boxes.values()].some(
          (one) => one.account === account && one.name.startsWith(`${name}/`),
        )
        if (children && !box.selectable)
          throw new StoreError('has-children', 'Cannot delete the mailbox: it has children')
        boxes.delete(box.id)
        if (children) make(account, name, [], false)
        wake(box)
      },
      async rename(account: AccountId, from: string, to: string) {
        const box = named(account, from)
        if (byName(account, to) !== undefined)
          throw new StoreError('mailbox-exists', 'Cannot rename: it exists')
        if (from === 'INBOX') {
          const made = make(account, to, [], true)
          copyRows(
            box,
            Uint32Array.from(box.rows, (row) => row.uid),
            made,
          )
          drop(box, box.rows)
          return
        }
        for (const one of boxes.values()) {
          if (one.account === account && (one.name === from || one.name.startsWith(`${from}/`)))
            one.name = to + one.name.slice(from.length)
        }
      },
      async subscribe(account: AccountId, name: string, on: string) {
        if (on === 'subscribed') subscribed.add(`${account} ${name}`)
        else subscribed.delete(`${account} ${name}`)
      },
      quota: async (account: AccountId) => ({
        usedBytes: [...boxes.values()]
          .filter((box) => box.account === account)
          .reduce((sum, box) => sum + show(box).sizeBytes, 0),
        usedMessages: 0,
        limitBytes: accounts.find(({ id }) => id === account)?.quotaBytes ?? 0,
      }),
      async claimRecent(id: MailboxId) {
        const box = boxOf(id)
        const first = box.firstRecent
        box.firstRecent = box.uidNext
        return first as Uid
      },
    },
    messages: {
      stage() {
        const chunks: Buffer[] = []
        return {
          write(chunk: Uint8Array) {
            chunks.push(Buffer.from(chunk))
            return undefined
          },
          get sizeBytes() {
            return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
          },
          async finish() {
            const bytes = Buffer.concat(chunks)
            const staged: StagedMessage = {
              sizeBytes: bytes.length,
              summary: Buffer.alloc(0),
              abort: async () => undefined,
            }
            stagedBytes.set(staged, bytes)
            return staged
          },
          abort: async () => undefined,
        }
      },
      async append(id: MailboxId, items: readonly AppendItem[]) {
        const box = boxOf(id)
        box.modSeq++
        const placed = items.map(({ message, flags, internalDateMs }) => {
          const row = addRow(box, stagedBytes.get(message)!, bits(box, flags), internalDateMs)
          return {
            mailbox: id,
            uidValidity: box.uidValidity,
            uid: row.uid,
            modSeq: box.modSeq,
            messageId: row.uid,
          }
        })
        wake(box)
        return placed
      },
      async view(id: MailboxId) {
        const box = boxOf(id)
        return {
          mailbox: show(box),
          uids: Uint32Array.from(box.rows, (row) => row.uid),
          modSeq: box.modSeq,
          firstUnseen: box.rows.find((row) => (row.flags0 & 1) === 0)?.uid,
        }
      },
      async *fetch(id: MailboxId, uids: Uint32Array, want: FetchWant) {
        const rows = pickRows(boxOf(id), uids)
        if (rows.length > 0) yield batch(rows, want)
      },
      read: async (id: MailboxId, uid: number, start = 0, end?: number) =>
        boxOf(id)
          .rows.find((row) => row.uid === uid)
          ?.bytes.subarray(start, end),
      async changeFlags(id: MailboxId, uids: Uint32Array, { op, flags, unchangedSince }: FlagChange) {
        const box = boxOf(id)
        const word = bits(box, flags)
        const rows = pickRows(box, uids)
        const modified = rows.filter((row) => unchangedSince !== undefined && row.modSeq > unchangedSince)
        const changed = rows.filter((row) => {
          if (modified.includes(row)) return false
          const after = op === 'add' ? row.flags0 | word : op === 'remove' ? row.flags0 & ~word : word
          const differs = after >>> 0 !== row.flags0
          row.flags0 = after >>> 0
          return differs
        })
        if (changed.length > 0) {
          box.modSeq++
          for (const row of changed) row.modSeq = box.modSeq
          wake(box)
        }
        return {
          changed: batch(changed, {}),
          modified: Uint32Array.from(modified, (row) => row.uid),
          keywords: [...box.keywords],
        }
      },
      copy: async (from: MailboxId, uids: Uint32Array, to: MailboxId) =>
        copyRows(boxOf(from), uids, boxOf(to)).copied,
      async move(from: MailboxId, uids: Uint32Array, to: MailboxId) {
        const { rows, copied } = copyRows(boxOf(from), uids, boxOf(to))
        return { ...copied, modSeq: drop(boxOf(from), rows).modSeq }
      },
      async expunge(id: MailboxId, uids?: Uint32Array) {
        const box = boxOf(id)
        return drop(
          box,
          box.rows.filter((row) => (row.flags0 & 8) !== 0 && (uids === undefined || uids.includes(row.uid))),
        )
      },
      async search(id: MailboxId, criteria: SearchCriteria) {
        const box = boxOf(id)
        const rows = box.rows.filter((row) => matches(criteria, row, box.keywords))
        const highestModSeq = rows.reduce((highest, row) => Math.max(highest, row.modSeq), 0)
        return { uids: Uint32Array.from(rows, (row) => row.uid), highestModSeq }
      },
      async changesSince(id: MailboxId, modSeq: ModSeq) {
        const box = boxOf(id)
        return {
          modSeq: box.modSeq,
          uidNext: box.uidNext,
          keywords: [...box.keywords],
          changed: batch(
            box.rows.filter((row) => row.modSeq > modSeq),
            {},
          ),
          vanished: Uint32Array.from(
            box.gone.filter((one) => one.modSeq > modSeq),
            (one) => one.uid,
          ).sort(),
          complete: true,
          uids: Uint32Array.from(box.rows, (row) => row.uid),
        }
      },
    },
    watch(listener: (wake: Wake) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    watchMailbox(id: MailboxId, listener: (modSeq: ModSeq) => void) {
      let set = watchers.get(id)
      if (set === undefined) watchers.set(id, (set = new Set()))
      set.add(listener)
      return () => set.delete(listener)
    },
    close: async () => undefined,
  }
  return store as unknown as Store
}
