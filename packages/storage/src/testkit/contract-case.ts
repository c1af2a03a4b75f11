import assert from 'node:assert/strict'
import { type Store, StoreError, type StoreErrorKind } from '../contract.ts'

export interface TestedStore {
  readonly store: Store
  /** Closes and opens again. */
  reopen(): Promise<Store>
  dispose(): Promise<void>
}

/** One promise of the contract, as a test of an empty store. */
export type ContractCase = readonly [title: string, run: (tested: TestedStore) => Promise<void>]

export const none = { system: 0, keywords: [] }

export const rejects = (promise: Promise<unknown>, kind: StoreErrorKind): Promise<void> =>
  assert.rejects(promise, (error) => error instanceof StoreError && error.kind === kind)
