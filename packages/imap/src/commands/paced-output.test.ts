import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SelectedSession } from '../session/session.ts'
import { takePiece } from './output-memory.ts'
import { PacedOutput } from './paced-output.ts'

/** A client that takes nothing, until we end its session: then nothing more is taken for it. */
class SlowClient {
  gone = false
  backlogBytes = 0
  readonly waiting: Uint8Array[] = []

  get settled(): boolean {
    return this.backlogBytes === 0
  }

  write(octets: Uint8Array): undefined {
    if (this.gone) return
    this.waiting.push(octets)
    this.backlogBytes += octets.length
  }

  writeAll(pieces: readonly Uint8Array[]): undefined {
    for (const piece of pieces) this.write(piece)
  }

  flush(): void {}
}

test('memory whose octets wait for a client is nobody else’s, whatever was written after the session’s end', () => {
  const client = new SlowClient()
  const output = new PacedOutput(client as unknown as SelectedSession)
  output.writer.octets(Buffer.alloc(100_000, 'a'))
  output.pass()
  const [waits] = client.waiting
  assert.equal(waits?.length, 100_000)
  client.gone = true
  for (let count = 0; count < 3; count++) {
    output.writer.octets(Buffer.alloc(100_000, 'b'))
    output.pass()
  }
  output.end()
  // Other sessions, as many as there is memory kept for.
  for (let count = 0; count < 32; count++) takePiece().fill('c')
  assert.equal(client.waiting.length, 1)
  assert.ok(Buffer.alloc(100_000, 'a').equals(waits!), 'what waits was overwritten')
  client.backlogBytes = 0
  assert.ok(output.isGone(0))
})
