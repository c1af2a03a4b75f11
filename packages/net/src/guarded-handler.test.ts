import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnectionHandler } from './connection-handler.ts'
import { GuardedHandler } from './guarded-handler.ts'

const guarded = (handler: ConnectionHandler) => {
  const faults: unknown[] = []
  const guard = new GuardedHandler({ handlerFault: (error) => faults.push(error) })
  guard.attach(handler)
  return { guard, faults }
}

test('whatever a session throws is reported, and thrown at nobody', () => {
  const fault = new Error('of the session')
  const fail = (): never => {
    throw fault
  }
  const { guard, faults } = guarded({ bytes: fail, ended: fail, timedOut: fail, closed: fail })
  guard.bytes(Buffer.from('x'))
  assert.equal(guard.ended(), 'heard')
  assert.equal(guard.timedOut(), 'heard')
  guard.closed('ended', undefined)
  assert.deepEqual(faults, [fault, fault, fault, fault])
})

test('a session hears under its own name; what it does not know is left to the connection', () => {
  class Session implements ConnectionHandler {
    readonly heard: string[] = []
    bytes(chunk: Buffer): void {
      this.heard.push(chunk.toString())
    }
    ended(): void {
      this.heard.push('ended')
    }
    closed(reason: string): void {
      this.heard.push(reason)
    }
  }
  const session = new Session()
  const { guard, faults } = guarded(session)
  guard.bytes(Buffer.from('NOOP'))
  assert.equal(guard.ended(), 'heard')
  assert.equal(guard.timedOut(), 'absent')
  assert.equal(guard.usesUp(4), false)
  guard.closed('reset', undefined)
  assert.deepEqual([session.heard, faults], [['NOOP', 'ended', 'reset'], []])
})
