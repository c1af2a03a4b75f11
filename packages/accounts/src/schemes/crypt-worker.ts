/** The thread that computes hashes of crypt(3). */
import { parentPort } from 'node:worker_threads'
import { cryptLike } from './crypt.ts'

export interface CryptQuestion {
  readonly id: number
  readonly password: Uint8Array
  readonly stored: string
}

export interface CryptAnswer {
  readonly id: number
  readonly made: string | undefined
}

parentPort?.on('message', ({ id, password, stored }: CryptQuestion) => {
  const answer: CryptAnswer = { id, made: cryptLike(Buffer.from(password), stored) }
  parentPort?.postMessage(answer)
})
