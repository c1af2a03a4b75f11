import type { Wake } from '@posthorn/storage'

/** What the primary process and its workers say to each other over the cluster's channel. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string; readonly remedy: string }
  | { readonly kind: 'wake'; readonly wake: Wake }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }

export type PrimaryMessage =
  | { readonly kind: 'wake'; readonly wake: Wake }
  | { readonly kind: 'ask'; readonly id: number; readonly question: WorkerQuestion }

export type WorkerQuestion = 'reload' | 'status' | 'stop'
