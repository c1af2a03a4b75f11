import type { IndexMoment } from '../kv/index-moment.ts'
import { read64, tables } from '../kv/keys.ts'
import { readAccount } from '../rows/account-row.ts'
import { readConversation } from '../rows/conversation-row.ts'
import { isRemovedAccount } from '../rows/unfinished-row.ts'
import { type IndexFacts, noting } from './index-facts.ts'

/** Names are those of messages and accounts that are there. */
export const checkConversations = async (
  moment: IndexMoment,
  { problems, messages }: IndexFacts,
): Promise<void> => {
  await moment.eachRow(tables.conversation, (key) => {
    const messageId = read64(key, 1)
    noting(problems, () => readConversation(moment, messageId))
    if (!messages.has(messageId)) problems.push(`Conversation of message ${messageId}, which is not there`)
  })
  const accounts = new Set<number>()
  await moment.eachRow(tables.identifier, (key) => accounts.add(key.readUInt32BE(1)))
  for (const account of accounts)
    if (readAccount(moment, account) === undefined && !isRemovedAccount(moment, account))
      problems.push(`Conversations of account ${account}, which is not there`)
}
