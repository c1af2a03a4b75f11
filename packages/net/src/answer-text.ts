import type { ClientRequest, IncomingMessage } from 'node:http'

/** RFC 9110 §15.2: one or two are of use. */
const maxInterim = 10

export interface TextAnswer {
  readonly response: IncomingMessage
  readonly text: string
}

/**
 * What a server answers to a request that is on its way, as UTF-8. Rejects, and breaks the connection, when it is longer
 * than `maxBytes`. A server that changes the protocol (101), which nobody asked it to, ends the request without an error
 * and its deadline with it; one that sends interim answers without end would have us read them until then: both are
 * errors at once.
 */
export function answerText(asked: ClientRequest, maxBytes: number): Promise<TextAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<TextAnswer>()
  onlyOneAnswer(asked, reject)
  asked.on('response', (response) => {
    const pieces: Buffer[] = []
    let bytes = 0
    response.on('error', reject)
    response.on('close', () => reject(new Error('the answer broke off')))
    response.on('data', (piece: Buffer) => {
      pieces.push(piece)
      bytes += piece.length
      if (bytes <= maxBytes) return
      // What has come whole ends all the same.
      reject(new Error(`answer is longer than ${maxBytes} octets`))
      response.destroy()
    })
    response.on('end', () => resolve({ response, text: Buffer.concat(pieces).toString('utf8') }))
  })
  return promise
}

/** Its status alone, of a server whose text nobody reads. */
export function answerStatus(asked: ClientRequest): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  onlyOneAnswer(asked, reject)
  asked.on('response', ({ statusCode = 0 }) => {
    resolve(statusCode)
    asked.destroy()
  })
  return promise
}

function onlyOneAnswer(asked: ClientRequest, reject: (error: Error) => void): void {
  let interim = 0
  asked.on('information', () => {
    if (++interim > maxInterim) asked.destroy(new Error('interim answers without end'))
  })
  asked.on('error', reject)
  const closed = (): void => reject(new Error('closed without an answer'))
  asked.on('close', closed)
  // From then on the answer says how it ends.
  asked.on('response', () => asked.off('close', closed))
}
