import type { ClientRequest, IncomingMessage } from 'node:http'

/** RFC 9110 §15.2: one or two are of use. */
const maxInterim = 10

/**
 * The answer to a request that is on its way; rejects where none comes. A server that changes the protocol (101), which
 * nobody asked it to, ends the request without an error, and its deadline with it; one that sends interim
 * answers without end would have us read them until then.
 */
export function finalResponse(asked: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  let interim = 0
  asked.on('information', () => {
    if (++interim > maxInterim) asked.destroy(new Error('interim answers without end'))
  })
  asked.on('error', reject)
  asked.on('response', resolve)
  asked.on('close', () => reject(new Error('closed without an answer')))
  return promise
}
