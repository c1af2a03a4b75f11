import type { Mailbox, Store } from '@posthorn/storage'
import { CommandError, exit } from '../../shell.ts'
import { type Call, forUsers, notFound, UserFault, usageFault } from './call.ts'
import { mailboxMask } from './mailbox.ts'

const allFields = [
  'messages',
  'recent',
  'uidnext',
  'uidvalidity',
  'unseen',
  'highestmodseq',
  'vsize',
  'guid',
  'firstsaved',
] as const
type Field = (typeof allFields)[number]

/** What may be summed over mailboxes. */
const summed: readonly Field[] = ['messages', 'recent', 'unseen', 'vsize']

/** Dovecot: doveadm-mailbox(1). */
export async function status(call: Call): Promise<number> {
  const { options } = call
  const [words, ...masks] = options.rest
  if (words === undefined || masks.length === 0) throw usageFault(call)
  const fields = fieldsOf(words)
  const isTotal = options.has('t')
  const notSummed = isTotal ? fields.find((field) => !summed.includes(field)) : undefined
  if (notSummed !== undefined)
    throw new CommandError(`Status field ${notSummed} can't be used with -t`, exit.usage)
  const columns = [
    ...(isTotal ? [] : [{ title: 'mailbox', bare: true as const }]),
    ...fields.map((title) => ({ title })),
  ]
  return forUsers(call, { columns, format: 'flow' }, async ({ store }, { id }, row) => {
    const found = await store.mailboxes.list(id, (name) => masks.some((mask) => mailboxMask(mask)(name)))
    const totals = fields.map(() => 0)
    for (const mailbox of found) {
      if (!mailbox.selectable) continue
      const values = await Promise.all(fields.map((field) => statusValue(store, mailbox, field)))
      if (!isTotal) row([mailbox.name, ...values])
      for (const [at, value] of values.entries()) totals[at] = (totals[at] ?? 0) + Number(value)
    }
    if (isTotal) row(totals.map(String))
    const missing = masks.find(
      (mask) => !/[*%?]/.test(mask) && !found.some(({ name }) => mailboxMask(mask)(name)),
    )
    if (missing !== undefined)
      throw new UserFault(
        `Mailbox ${missing}: Failed to lookup mailbox status: Mailbox doesn't exist: ${missing}`,
        notFound,
      )
  })
}

function fieldsOf(words: string): readonly Field[] {
  const given = words.split(' ').filter((word) => word !== '')
  if (given.includes('all')) return allFields
  for (const word of given)
    if (!allFields.some((field) => field === word))
      throw new CommandError(`Unknown status field: ${word}`, exit.usage)
  return given as Field[]
}

async function statusValue(store: Store, mailbox: Mailbox, field: Field): Promise<string> {
  switch (field) {
    case 'messages':
      return String(mailbox.messages)
    case 'recent': {
      const { uids } = await store.messages.search(mailbox.id, { kind: 'recent', since: mailbox.firstRecent })
      return String(uids.length)
    }
    case 'uidnext':
      return String(mailbox.uidNext)
    case 'uidvalidity':
      return String(mailbox.uidValidity)
    case 'unseen':
      return String(mailbox.unseen)
    case 'highestmodseq':
      return String(mailbox.highestModSeq)
    case 'vsize':
      return String(mailbox.sizeBytes)
    case 'guid':
      return mailbox.objectId
    case 'firstsaved':
      return firstSaved(store, mailbox)
  }
}

async function firstSaved({ messages }: Store, { id }: Mailbox): Promise<string> {
  const { uids } = await messages.view(id)
  for await (const { facts } of messages.fetch(id, uids.slice(0, 1), { facts: true })) {
    const savedMs = facts?.saveDatesMs[0]
    if (savedMs !== undefined) return String(Math.floor(savedMs / 1000))
  }
  return 'never'
}
