//! `POST /api/station/captures`: a station's captures in, one answer each out, in the same order.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;

use crate::domain::capture::{Capture, CaptureKey, CaptureKind, Token};
use crate::domain::coupon::Redemption;
use crate::domain::presentation::Refusal;
use crate::ops::captures::{Answer, RecordError};
use crate::store::Retry;
use crate::store::stations::Station;
use crate::telemetry::Metric;
use crate::web::Web;
use crate::web::error::ApiError;
use crate::web::json::ValidJson;
use crate::wire::{
    Balance, CaptureAnswer, CaptureAnswers, CaptureBatch, CaptureBody, Feedback, LARGEST_BATCH,
};

/// Records the batch and answers when it is durable.
///
/// A token that cannot be read is a refusal of that capture, not of the batch: the station must be able to
/// acknowledge it and go on.
pub async fn record(
    State(web): State<Web>,
    AuthorizedStation(station): AuthorizedStation,
    ValidJson(batch): ValidJson<CaptureBatch>,
) -> Result<Json<CaptureAnswers>, ApiError> {
    if batch.captures.len() > LARGEST_BATCH {
        return Err(ApiError::TooLarge(format!(
            "a batch has at most {LARGEST_BATCH} captures; this one has {}",
            batch.captures.len()
        )));
    }
    tracing::trace!(target: "passgate::walk", step = "captures_received");
    let parsed: Vec<_> = batch.captures.iter().map(|body| parse(body, &station)).collect();
    let captures = parsed.iter().flatten().cloned().collect();
    let recorded = web
        .recorder
        .record(station.merchant, captures)
        .await
        .map_err(|error| match error {
            RecordError::Busy => ApiError::Unavailable(Box::new(error)),
            RecordError::Store(ref cause) if cause.retry() == Retry::Later => {
                ApiError::Unavailable(Box::new(error))
            }
            RecordError::Store(_) => ApiError::Internal(Box::new(error)),
        })?;
    tracing::trace!(target: "passgate::walk", step = "captures_committed");
    let mut recorded = recorded.iter();
    let mut repeats = 0;
    let answers = batch
        .captures
        .iter()
        .zip(&parsed)
        .filter_map(|(body, parsed)| {
            let (answered, repeated) = match parsed {
                Some(_) => recorded.next().map(|found| (answer(found), found.repeated))?,
                None => (unreadable(body), false),
            };
            if repeated {
                repeats += 1;
            } else {
                count(body.kind, answered.feedback);
            }
            Some(answered)
        })
        .collect();
    Metric::CaptureRepeats.counter(&[]).increment(repeats);
    Ok(Json(CaptureAnswers { answers }))
}

fn count(kind: CaptureKind, feedback: Feedback) {
    let answer = match feedback {
        Feedback::Accept => "accept",
        Feedback::Reward => "reward",
        Feedback::Reject => "reject",
        Feedback::Offline => "offline",
        Feedback::Retry => "retry",
    };
    Metric::Captures
        .counter(&[("kind", kind.as_str()), ("answer", answer)])
        .increment(1);
}

/// The station whose key the request shows; asked before the body is read.
pub struct AuthorizedStation(pub Station);

impl FromRequestParts<Web> for AuthorizedStation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiError> {
        let key = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(ApiError::Unauthorized)?;
        let found = web.ops.station_by_key(key).await?;
        found.map(Self).ok_or(ApiError::Unauthorized)
    }
}

fn parse(body: &CaptureBody, station: &Station) -> Option<Capture> {
    let token = match body.kind {
        CaptureKind::Uid => {
            let digits = body.token.strip_prefix("uid:")?;
            Token::from_uid(&hex::decode(digits).ok()?).ok()?
        }
        CaptureKind::Barcode | CaptureKind::Ndef => Token::parse(&body.token).ok()?,
    };
    Some(Capture {
        key: CaptureKey {
            station: station.id,
            counter: body.counter,
        },
        kind: body.kind,
        token,
        captured_at: body.captured_at,
        amount: body.amount,
    })
}

fn answer(answer: &Answer) -> CaptureAnswer {
    let balance = answer.card.map(|_| Balance {
        punches: answer.punches,
        goal: answer.goal,
        rewards: answer.rewards,
        points: answer.points,
    });
    let (feedback, sentence) = match &answer.refusal {
        Some(refusal) => {
            let told = answer.redemption.as_ref().map(Redemption::sentence);
            (Feedback::Reject, told.unwrap_or_else(|| refusal.sentence()))
        }
        None if answer.rewards_earned > 0 => {
            let ready = if answer.rewards == 1 {
                "1 reward ready".to_owned()
            } else {
                format!("{} rewards ready", answer.rewards)
            };
            let sentence = match answer.goal {
                0 => format!("{} points: {ready}.", answer.points),
                goal => format!("Goal reached: {ready}. Punch {} of {goal}.", answer.punches),
            };
            (Feedback::Reward, sentence)
        }
        None if answer.redeemed => (Feedback::Reward, "Coupon redeemed.".to_owned()),
        None if answer.goal > 0 => (
            Feedback::Accept,
            format!("Punch {} of {}.", answer.punches, answer.goal),
        ),
        None if answer.earned == 0 && answer.points == 0 => {
            (Feedback::Accept, "This card is good.".to_owned())
        }
        None => (
            Feedback::Accept,
            format!("{} points, {} in all.", answer.earned, answer.points),
        ),
    };
    CaptureAnswer {
        counter: answer.key.counter,
        feedback,
        sentence,
        refusal: answer.refusal.as_ref().map(|refusal| refusal.code().to_owned()),
        balance,
    }
}

fn unreadable(body: &CaptureBody) -> CaptureAnswer {
    CaptureAnswer {
        counter: body.counter,
        feedback: Feedback::Reject,
        sentence: Refusal::UnknownToken.sentence(),
        refusal: Some(Refusal::UnknownToken.code().to_owned()),
        balance: None,
    }
}
