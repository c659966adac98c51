// The page: unpack what it holds, put a model behind the explorer that answers from it, and draw.

import { renderExplorer } from "../explorer/index.js";
import { tileTrait } from "./answers.js";
import { answerSafely, makePage, makePageModel } from "./model.js";
import { makePageTable } from "./table.js";
import { unpackArrays } from "./unpack.js";

const OVERVIEW_COLUMNS = 2000;

async function openPage() {
  const data = JSON.parse(document.getElementById("xjls-page-data").textContent);
  data.traits.facts.kernel = false; // so that nothing is offered that needs one
  const arrays = await unpackArrays(data.data, data.arrays);
  const page = makePage(data, data.tables.map((packed) => makePageTable(packed, arrays)), () => model);
  const model = makePageModel(data.traits, (content) => answerSafely(page, content), (f) => setTimeout(f));
  const [extent, view] = [data.traits.facts.extent, data.traits.view];
  model.set("overview", tileTrait(page, extent[0], extent[1], OVERVIEW_COLUMNS));
  model.set("first", tileTrait(page, view[0], view[1], OVERVIEW_COLUMNS));
  renderExplorer({ model, el: document.getElementById("xjls-page") });
}

function showTrouble(error) {
  const text = document.createElement("p");
  text.className = "xjls-page-trouble";
  text.textContent = `This page could not be drawn: ${error.message}. It needs a browser of 2023 or later.`;
  document.getElementById("xjls-page").replaceChildren(text);
}

openPage().catch(showTrouble);
