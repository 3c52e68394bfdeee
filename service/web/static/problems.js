// What is wrong, in the reader's language where the page knows the code, else as the server said it.
import { t } from "./i18n.js";

const TEXTS = {
  unreachable: () => t("offline"),
  nothing_yet: () => t("needSpell"),
  job_gone: () => t("jobGone"),
  spell_gone: () => t("spellGone"),
  paste_empty: () => t("pasteEmpty"),
  not_found: () => t("errorNotFound"),
  version_conflict: () => t("conflict"),
  key_missing: () => t("errorKey"),
  key_invalid: () => t("errorKey"),
  idea_empty: ({ field }) => (field === "message" ? t("errorMessageEmpty") : t("errorIdeaEmpty")),
  prompt_too_long: ({ field, got, limit }) => t("errorTooLong", { field: fieldName(field), got, limit }),
  text_invalid: ({ field, position }) => t("errorText", { field: fieldName(field), position }),
  spell_out_of_range: ({ field, got, limit }) => {
    if (Array.isArray(limit)) return t("errorRange", { field: fieldName(field), got, low: limit[0], high: limit[1] });
    if (field === "prompt" || field === "hires prompt") return t("errorParts", { got, limit });
    return field === "loras" ? t("errorLoras", { got, limit }) : t("errorMultiple", { field: fieldName(field), got, limit });
  },
  policy_blocked: ({ category }) => {
    if (category === "minors") return t("policyMinors");
    if (category === "real_person_sexual") return t("policyRealPerson");
    return category === "adult_content" ? t("policyAdult") : null;
  },
  image_invalid: () => t("errorImage"),
  image_empty: () => t("errorImageEmpty"),
  image_missing: () => t("errorImageEmpty"),
  image_truncated: () => t("errorImageTruncated"),
  image_too_large: ({ got, limit }) => t("errorImageLarge", { got: mebibytes(got), limit: mebibytes(limit) }),
  image_too_many_pixels: ({ got, limit, size }) =>
    size ? t("errorImagePixels", { width: size[0], height: size[1], limit: limit / 1e6 }) : t("errorImageFrames", { got, limit }),
  image_too_small: ({ got, limit }) => t("errorImageSmall", { width: got[0], height: got[1], limit }),
  image_format_not_allowed: ({ detected }) => (detected === "unknown" ? t("errorImageUnknown") : t("errorImageFormat", { detected })),
  metadata_too_large: () => t("errorImageMetadata"),
  lora_not_found: (facts) => t("errorNoLora", facts) + near(facts),
  checkpoint_not_found: (facts) => t("errorNoCheckpoint", facts) + near(facts),
  sampler_not_found: (facts) => t("errorNoSampler", facts) + near(facts),
  schedule_type_not_found: (facts) => t("errorNoScheduleType", facts) + near(facts),
  upscaler_not_found: (facts) => t("errorNoUpscaler", facts) + near(facts),
  queue_full: ({ limit }) => t("errorQueue", { limit }),
  disk_low: () => t("errorDisk"),
  out_of_memory: ({ got, near: fit }) => t("errorMemory", { width: got[0], height: got[1], fit: fit.join(" × ") }),
  llm_unreachable: ({ status }) => {
    if (status === 401 || status === 403) return t("errorLlmKey");
    if (status === 404) return t("errorLlmModel");
    return status ? t("errorLlmStatus", { status }) : t("errorLlmUnreachable");
  },
  llm_timeout: () => t("errorLlmTimeout"),
  llm_invalid_output: () => t("errorLlmAnswer"),
  llm_failed: () => t("errorLlmAnswer"),
  engine_unavailable: () => t("errorEngine"),
  engine_stopped: () => t("errorEngineStopped"),
  draining: () => t("errorDraining"),
  database_unavailable: () => t("errorDatabase"),
  database_damaged: () => t("errorDatabaseDamaged"),
  blob_missing: () => t("errorFileGone"),
  model_not_finite: ({ file }) => (file ? t("errorModelNumbers", { file }) : null),
  model_incomplete: ({ file }) => (file ? t("errorModelIncomplete", { file }) : null),
  internal_error: () => t("errorInternal"),
};

/** The sentence for a problem's body, `{code, detail, facts…}`. */
export function sentenceOf(body) {
  let text = null;
  try {
    text = TEXTS[body.code]?.(body) ?? null;
  } catch (broken) {
    if (!(broken instanceof TypeError)) throw broken; // a fact is not there
  }
  // A fact that is missing leaves its name in braces: then the server's own sentence says more.
  return text === null || /\{\w+\}|undefined|NaN/.test(text) ? body.detail : text;
}

/** What to do about it, where the page can say more than the sentence; mostly empty. */
export function hintOf(code) {
  if (code.startsWith("llm_")) return t("hintLlm");
  if (code === "checkpoint_not_found") return t("hintCheckpoint");
  return code === "lora_not_found" || code === "lora_incompatible" ? t("hintLora") : "";
}

function fieldName(field) {
  const names = {
    idea: t("ideaTitle"), message: t("chatTitle"), prompt: t("prompt"), negative_prompt: t("negative"), steps: t("steps"), cfg_scale: t("cfg"),
    seed: t("seed"), width: t("width"), height: t("height"), clip_skip: t("clipSkip"), "hires steps": t("hiresSteps"),
    "hires upscale_by": t("upscaleBy"), "hires denoising_strength": t("denoising"),
  };
  return names[field] ?? field;
}

function near({ near: names }) {
  return names?.length ? ` ${t("errorNear", { names: names.join(", ") })}` : "";
}

function mebibytes(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}
