import type * as net from 'node:net'

/** The level and the name of the option, <netinet/tcp.h> of Linux. */
const ipProtoTcp = 6
const tcpQuickAck = 12
const on = Buffer.from(new Int32Array([1]).buffer)

type SetOption = (fd: number, level: number, name: number, value: Buffer, sizeBytes: number) => number

/** undefined: nobody has needed it yet. */
let setOption: SetOption | 'being loaded' | 'none' | undefined

/**
 * Has the kernel acknowledge now what came from a peer that is to send more before it gets an answer. Otherwise it waits
 * up to 40 ms for something to send with it (RFC 1122 §4.2.3.2), and the TCP of a peer that writes a command in
 * pieces (Ruby's Net::IMAP), or a message and its last dot apart (Net::SMTP, msmtp, swaks), holds the next piece back
 * until then (§4.2.3.4). TCP_QUICKACK (tcp(7)) ends that, and Node cannot set it. Of no effect elsewhere than on Linux,
 * or where no library calls the system for us, or the first time, which has it loaded.
 */
export function acknowledge(socket: net.Socket): void {
  if (setOption === undefined) void load()
  if (typeof setOption !== 'function') return
  const fd = (socket as net.Socket & { readonly _handle?: { readonly fd?: number } | null })._handle?.fd ?? -1
  // What is no TCP socket says so, and that is all.
  if (fd >= 0) setOption(fd, ipProtoTcp, tcpQuickAck, on, on.length)
}

async function load(): Promise<void> {
  setOption = 'being loaded'
  if (process.platform !== 'linux') {
    setOption = 'none'
    return
  }
  try {
    const koffi = (await import('koffi')).default
    setOption = koffi
      .load(null)
      .func('int setsockopt(int fd, int level, int name, const void *value, uint32_t size)') as SetOption
  } catch {
    setOption = 'none'
  }
}
