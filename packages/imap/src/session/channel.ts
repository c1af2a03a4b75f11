import type { Connection } from '@posthorn/net'

/** What a session uses of its connection: the connection itself, or a layer over it (COMPRESS). */
export type Channel = Pick<
  Connection,
  | 'acknowledge'
  | 'attach'
  | 'authenticated'
  | 'backlogBytes'
  | 'destroy'
  | 'drained'
  | 'end'
  | 'flush'
  | 'localAddress'
  | 'open'
  | 'pause'
  | 'receivedBytes'
  | 'remoteAddress'
  | 'resume'
  | 'secure'
  | 'sentBytes'
  | 'setDeadline'
  | 'startTls'
  | 'write'
  | 'writeAll'
>
