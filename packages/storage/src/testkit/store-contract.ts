import { describe, test } from 'node:test'
import type { ContractCase, TestedStore } from './contract-case.ts'
import { conversationContract } from './conversation-contract.ts'
import { accountsContract, mailboxesContract } from './mailbox-contract.ts'
import { changesContract, messagesContract } from './message-contract.ts'
import { queueContract, sharedContract } from './queue-contract.ts'
import { queueLargeContract } from './queue-large-contract.ts'
import { queueManyContract } from './queue-many-contract.ts'
import { readingContract } from './reading-contract.ts'
import { sharingContract } from './sharing-contract.ts'

export type { TestedStore } from './contract-case.ts'

const cases: readonly ContractCase[] = [
  ...accountsContract,
  ...mailboxesContract,
  ...readingContract,
  ...messagesContract,
  ...conversationContract,
  ...changesContract,
  ...queueContract,
  ...queueManyContract,
  ...queueLargeContract,
  ...sharingContract,
  ...sharedContract,
]

/** What every implementation of the store must do. `open` makes an empty store. */
export const describeStoreContract = (name: string, open: () => Promise<TestedStore>): void => {
  describe(name, () => {
    for (const [title, run] of cases) {
      test(title, async () => {
        const tested = await open()
        try {
          await run(tested)
        } finally {
          await tested.dispose()
        }
      })
    }
  })
}
