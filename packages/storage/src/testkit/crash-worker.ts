/**
 * A process that works on a store until it is killed. Each operation is announced before it starts and
 * confirmed after it is acknowledged, on standard output, which the parent keeps as a ledger.
 */
import { writeSync } from 'node:fs'
import type { MailboxId, Store } from '../contract.ts'
import { openStore } from '../index.ts'
import { acceptance, mailboxOf, sampleMessage, stage, toMailbox, toRemote } from './samples.ts'

const [, , directory = '', firstNumber = '1'] = process.argv
let number = Number(firstNumber)

const say = (entry: object): void => {
  writeSync(1, `${JSON.stringify(entry)}\n`)
}

const crashSize = (of: number): number => (of % 37 === 0 ? 1_500_000 : 300 + (of % 50) * 200)

interface Own {
  readonly mailbox: MailboxId
  readonly uid: number
  readonly number: number
}

const work = async (store: Store, mailboxes: readonly MailboxId[]): Promise<void> => {
  const account = (await store.accounts.list())[0]
  if (!account) throw new Error('No account')
  const own: Own[] = []
  const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T
  for (;;) {
    const dice = Math.random()
    const mailbox = pick(mailboxes)
    if (own.length < 5 || dice < 0.4) {
      const n = number++
      say({ begin: 'add', number: n })
      const message = await stage(store, sampleMessage(n, crashSize(n)))
      if (dice < 0.2) {
        const flags = { system: 0, keywords: [`k${n % 7}`] }
        const [placed] = await store.messages.append(mailbox, [{ message, flags, internalDateMs: n }])
        own.push({ mailbox, uid: placed?.uid ?? 0, number: n })
      } else {
        const given = acceptance(store, message, [toMailbox(account, 'INBOX', ''), toRemote('a@b')])
        const [accepted] = await store.queue.accept(given)
        if (!accepted?.placed) throw new Error('Not placed')
        own.push({ mailbox: accepted.placed.mailbox, uid: accepted.placed.uid, number: n })
        say({ done: 'queue', queueId: given.entry.queueId, number: n })
      }
      say({ done: 'add', ...own.at(-1) })
      continue
    }
    const index = Math.floor(Math.random() * own.length)
    const one = own[index] as Own
    if (dice < 0.6) {
      say({ begin: 'copy', number: one.number })
      const { to } = await store.messages.copy(one.mailbox, Uint32Array.of(one.uid), mailbox)
      own.push({ mailbox, uid: to[0] as number, number: one.number })
      say({ done: 'add', ...own.at(-1) })
    } else if (dice < 0.75) {
      say({ begin: 'remove', ...one })
      say({ begin: 'copy', number: one.number })
      own.splice(index, 1)
      const { to } = await store.messages.move(one.mailbox, Uint32Array.of(one.uid), mailbox)
      say({ done: 'remove', ...one })
      own.push({ mailbox, uid: to[0] as number, number: one.number })
      say({ done: 'add', ...own.at(-1) })
    } else if (dice < 0.85) {
      await store.messages.changeFlags(one.mailbox, Uint32Array.of(one.uid), {
        op: 'add',
        flags: { system: 4, keywords: [] },
      })
      say({ done: 'flag', ...one })
    } else {
      say({ begin: 'remove', ...one })
      own.splice(index, 1)
      await store.messages.discard(one.mailbox, Uint32Array.of(one.uid))
      say({ done: 'remove', ...one })
    }
  }
}

if (directory !== '') {
  const store = await openStore({ directory })
  const account = (await store.accounts.list())[0]
  if (!account) throw new Error('No account')
  const mailboxes = [await mailboxOf(store, account), await mailboxOf(store, account, 'Archive')].map(
    ({ id }) => id,
  )
  say({ ready: true })
  await Promise.all(Array.from({ length: 6 }, () => work(store, mailboxes)))
}
