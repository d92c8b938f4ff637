import { handle } from "./frames.js";
import { goLive } from "./live.js";
import { refreshList } from "./loading.js";
import { refreshPeople } from "./people.js";
import { readWhatIsSeen, watchReading } from "./reading.js";
import { sendWhatWasKept } from "./sending.js";
import * as session from "./session.js";
import { changed, state, subscribe } from "./store.js";
import { drawChat, mountChat } from "./ui-chat.js";
import { drawComposer, mountComposer } from "./ui-composer.js";
import { drawConversations, mountConversations } from "./ui-conversations.js";
import { mountLanguage } from "./ui-language.js";
import { drawPeople, mountPeople } from "./ui-people.js";
import { drawSidebar, mountSidebar } from "./ui-sidebar.js";
import { showSignIn } from "./ui-sign-in.js";

function start() {
  state.me = session.get().user;
  document.getElementById("app").hidden = false;
  for (const mount of [mountSidebar, mountConversations, mountPeople, mountChat, mountComposer]) mount();
  for (const draw of [drawSidebar, drawConversations, drawPeople, drawChat, drawComposer]) subscribe(draw);
  subscribe(readWhatIsSeen);
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
