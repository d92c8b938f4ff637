import { handle } from "./frames.js";
import { watchGroups } from "./groups.js";
import { goLive } from "./live.js";
import { refreshList } from "./loading.js";
import { refreshPeople } from "./people.js";
import { stopWhatIsGone } from "./player.js";
import { readWhatIsSeen, watchReading } from "./reading.js";
import { watchReadBy } from "./receipts.js";
import { sendWhatWasKept } from "./sending.js";
import * as session from "./session.js";
import { changed, state, subscribe } from "./store.js";
import { drawChat, mountChat } from "./ui-chat.js";
import { drawComposer, mountComposer } from "./ui-composer.js";
import { mountForward } from "./ui-forward.js";
import { drawConversations, mountConversations } from "./ui-conversations.js";
import { drawGroup, mountGroup } from "./ui-group.js";
import { drawGroups, mountGroups } from "./ui-groups.js";
import { mountInvite } from "./ui-invite.js";
import { mountLanguage } from "./ui-language.js";
import { drawPeople, mountPeople } from "./ui-people.js";
import { drawSidebar, mountSidebar } from "./ui-sidebar.js";
import { showSignIn } from "./ui-sign-in.js";
import { drawViewer, mountViewer } from "./ui-viewer.js";

function start() {
  state.me = session.get().user;
  document.getElementById("app").hidden = false;
  const mounts = [mountSidebar, mountConversations, mountPeople, mountGroups, mountInvite, mountChat, mountGroup];
  for (const mount of [...mounts, mountComposer, mountForward, mountViewer]) mount();
  const draws = [drawSidebar, drawConversations, drawPeople, drawGroups, drawGroup, drawChat, drawComposer];
  for (const draw of [...draws, drawViewer, stopWhatIsGone, readWhatIsSeen, watchGroups, watchReadBy]) subscribe(draw);
  watchReading();
  changed();
  refreshList();
  refreshPeople();
  sendWhatWasKept();
  goLive(handle);
}

mountLanguage();
if (session.get()) start();
else showSignIn(start);
