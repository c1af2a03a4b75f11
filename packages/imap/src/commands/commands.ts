import { deleteAcl, getAcl, listRights, myRights, setAcl } from './acl.ts'
import { append } from './append.ts'
import { authenticate } from './authenticate.ts'
import { cancelUpdate } from './cancel-update.ts'
import { capability } from './capability.ts'
import { close, unselect } from './close.ts'
import type { Command } from './command.ts'
import { compress } from './compress.ts'
import { copy } from './copy.ts'
import { create } from './create.ts'
import { remove } from './delete.ts'
import { enable } from './enable.ts'
import { esearch } from './esearch.ts'
import { expunge, uidExpunge } from './expunge.ts'
import { fetch } from './fetch.ts'
import { id } from './id.ts'
import { idle } from './idle.ts'
import { list } from './list.ts'
import { login } from './login.ts'
import { logout } from './logout.ts'
import { lsub } from './lsub.ts'
import { getMetadata, setMetadata } from './metadata.ts'
import { move } from './move.ts'
import { namespace } from './namespace.ts'
import { check, noop } from './noop.ts'
import { notify } from './notify.ts'
import { getQuota, getQuotaRoot, setQuota } from './quota.ts'
import { rename } from './rename.ts'
import { replace } from './replace.ts'
import { search } from './search.ts'
import { examine, select } from './select.ts'
import { sort } from './sort.ts'
import { starttls } from './starttls.ts'
import { status } from './status.ts'
import { store } from './store.ts'
import { subscribe, unsubscribe } from './subscribe.ts'
import { thread } from './thread.ts'
import { unauthenticate } from './unauthenticate.ts'
import { xlist } from './xlist.ts'

/** Every command of the server. The order is that of their capabilities in CAPABILITY. */
export const commands: readonly Command[] = [
  id,
  enable,
  idle,
  notify,
  starttls,
  login,
  authenticate,
  capability,
  noop,
  logout,
  unauthenticate,
  compress,
  namespace,
  list,
  lsub,
  xlist,
  status,
  create,
  remove,
  rename,
  subscribe,
  unsubscribe,
  select,
  examine,
  close,
  unselect,
  check,
  append,
  replace,
  fetch,
  search,
  esearch,
  cancelUpdate,
  sort,
  thread,
  store,
  expunge,
  uidExpunge,
  copy,
  move,
  setAcl,
  deleteAcl,
  getAcl,
  listRights,
  myRights,
  getMetadata,
  setMetadata,
  getQuota,
  getQuotaRoot,
  setQuota,
]
