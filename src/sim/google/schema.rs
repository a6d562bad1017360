//! Which fields the Wallet API knows, and of which types: the part of its discovery document (walletobjects v1,
//! revision 20260806) that loyalty classes, objects and messages reach.
//!
//! Stricter than Google in one point: enum spellings that the document calls deprecated are refused, so that
//! none is sent by mistake. Where Google only ignores a field on input (`kind`, `hasUsers`, …), so does the state.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

/// A schema's name at the start of a line, then its fields as `name:type`. A type is a JSON type, an integer
/// format, another schema, or the values of an enum between bars; `[]` makes it a list.
const SCHEMAS: &str = "
LoyaltyClass accountIdLabel:string accountNameLabel:string allowMultipleUsersPerObject:boolean
    appLinkData:AppLinkData callbackOptions:CallbackOptions classTemplateInfo:ClassTemplateInfo
    countryCode:string discoverableProgram:DiscoverableProgram enableSmartTap:boolean heroImage:Image
    hexBackgroundColor:string homepageUri:Uri id:string imageModulesData:ImageModuleData[]
    infoModuleData:InfoModuleData issuerName:string kind:string linksModuleData:LinksModuleData
    localizedAccountIdLabel:LocalizedString localizedAccountNameLabel:LocalizedString
    localizedIssuerName:LocalizedString localizedProgramName:LocalizedString
    localizedRewardsTier:LocalizedString localizedRewardsTierLabel:LocalizedString
    localizedSecondaryRewardsTier:LocalizedString localizedSecondaryRewardsTierLabel:LocalizedString
    locations:LatLongPoint[] merchantLocations:MerchantLocation[] messages:Message[]
    multipleDevicesAndHoldersAllowedStatus:STATUS_UNSPECIFIED|MULTIPLE_HOLDERS|ONE_USER_ALL_DEVICES|ONE_USER_ONE_DEVICE
    notifyPreference:NOTIFICATION_SETTINGS_FOR_UPDATES_UNSPECIFIED|NOTIFY_ON_UPDATE programLogo:Image
    programName:string redemptionIssuers:int64[] review:Review
    reviewStatus:REVIEW_STATUS_UNSPECIFIED|UNDER_REVIEW|APPROVED|REJECTED|DRAFT rewardsTier:string
    rewardsTierLabel:string secondaryRewardsTier:string secondaryRewardsTierLabel:string
    securityAnimation:SecurityAnimation textModulesData:TextModuleData[]
    valueAddedModuleData:ValueAddedModuleData[] version:int64
    viewUnlockRequirement:VIEW_UNLOCK_REQUIREMENT_UNSPECIFIED|UNLOCK_NOT_REQUIRED|UNLOCK_REQUIRED_TO_VIEW
    wideProgramLogo:Image wordMark:Image
LoyaltyObject accountId:string accountName:string appLinkData:AppLinkData barcode:Barcode classId:string
    classReference:LoyaltyClass disableExpirationNotification:boolean groupingInfo:GroupingInfo
    hasLinkedDevice:boolean hasUsers:boolean heroImage:Image id:string imageModulesData:ImageModuleData[]
    infoModuleData:InfoModuleData kind:string linkedObjectIds:string[] linkedOfferIds:string[]
    linksModuleData:LinksModuleData locations:LatLongPoint[] loyaltyPoints:LoyaltyPoints
    merchantLocations:MerchantLocation[] messages:Message[]
    notifyPreference:NOTIFICATION_SETTINGS_FOR_UPDATES_UNSPECIFIED|NOTIFY_ON_UPDATE
    passConstraints:PassConstraints rotatingBarcode:RotatingBarcode saveRestrictions:SaveRestrictions
    secondaryLoyaltyPoints:LoyaltyPoints smartTapRedemptionValue:string
    state:STATE_UNSPECIFIED|ACTIVE|COMPLETED|EXPIRED|INACTIVE textModulesData:TextModuleData[]
    validTimeInterval:TimeInterval valueAddedModuleData:ValueAddedModuleData[] version:int64
AddMessageRequest message:Message
AppLinkData androidAppLinkInfo:AppLinkDataAppLinkInfo displayText:LocalizedString
    iosAppLinkInfo:AppLinkDataAppLinkInfo webAppLinkInfo:AppLinkDataAppLinkInfo
CallbackOptions updateRequestUrl:string url:string
ClassTemplateInfo cardBarcodeSectionDetails:CardBarcodeSectionDetails
    cardTemplateOverride:CardTemplateOverride detailsTemplateOverride:DetailsTemplateOverride
    listTemplateOverride:ListTemplateOverride
DiscoverableProgram merchantSigninInfo:DiscoverableProgramMerchantSigninInfo
    merchantSignupInfo:DiscoverableProgramMerchantSignupInfo
    state:STATE_UNSPECIFIED|TRUSTED_TESTERS|LIVE|DISABLED
Image contentDescription:LocalizedString kind:string privateImageId:string sourceUri:ImageUri
Uri description:string id:string kind:string localizedDescription:LocalizedString uri:string
ImageModuleData id:string mainImage:Image
InfoModuleData labelValueRows:LabelValueRow[] showLastUpdateTime:boolean
LinksModuleData uris:Uri[]
LocalizedString defaultValue:TranslatedString kind:string translatedValues:TranslatedString[]
LatLongPoint kind:string latitude:double longitude:double
MerchantLocation latitude:double longitude:double
Message body:string displayInterval:TimeInterval header:string id:string kind:string
    localizedBody:LocalizedString localizedHeader:LocalizedString
    messageType:MESSAGE_TYPE_UNSPECIFIED|TEXT|EXPIRATION_NOTIFICATION|TEXT_AND_NOTIFY
Review comments:string
SecurityAnimation animationType:ANIMATION_UNSPECIFIED|FOIL_SHIMMER
TextModuleData body:string header:string id:string localizedBody:LocalizedString
    localizedHeader:LocalizedString
ValueAddedModuleData body:LocalizedString header:LocalizedString image:Image sortIndex:int32 uri:string
    viewConstraints:ModuleViewConstraints
Barcode alternateText:string kind:string renderEncoding:RENDER_ENCODING_UNSPECIFIED|UTF_8
    showCodeText:LocalizedString
    type:BARCODE_TYPE_UNSPECIFIED|AZTEC|CODE_39|CODE_128|CODABAR|DATA_MATRIX|EAN_8|EAN_13|ITF_14|PDF_417|QR_CODE|UPC_A|TEXT_ONLY
    value:string
GroupingInfo groupingId:string sortIndex:int32
LoyaltyPoints balance:LoyaltyPointsBalance label:string localizedLabel:LocalizedString
PassConstraints nfcConstraint:NFC_CONSTRAINT_UNSPECIFIED|BLOCK_PAYMENT|BLOCK_CLOSED_LOOP_TRANSIT[]
    screenshotEligibility:SCREENSHOT_ELIGIBILITY_UNSPECIFIED|ELIGIBLE|INELIGIBLE
RotatingBarcode alternateText:string initialRotatingBarcodeValues:RotatingBarcodeValues
    renderEncoding:RENDER_ENCODING_UNSPECIFIED|UTF_8 showCodeText:LocalizedString
    totpDetails:RotatingBarcodeTotpDetails
    type:BARCODE_TYPE_UNSPECIFIED|AZTEC|CODE_39|CODE_128|CODABAR|DATA_MATRIX|EAN_8|EAN_13|ITF_14|PDF_417|QR_CODE|UPC_A|TEXT_ONLY
    valuePattern:string
SaveRestrictions restrictToEmailSha256:string
TimeInterval end:DateTime kind:string start:DateTime
AppLinkDataAppLinkInfo appLogoImage:Image appTarget:AppLinkDataAppLinkInfoAppTarget
    description:LocalizedString title:LocalizedString
CardBarcodeSectionDetails firstBottomDetail:BarcodeSectionDetail firstTopDetail:BarcodeSectionDetail
    secondTopDetail:BarcodeSectionDetail
CardTemplateOverride cardRowTemplateInfos:CardRowTemplateInfo[]
DetailsTemplateOverride detailsItemInfos:DetailsItemInfo[]
ListTemplateOverride firstRowOption:FirstRowOption secondRowOption:FieldSelector
    thirdRowOption:FieldSelector
DiscoverableProgramMerchantSigninInfo signinWebsite:Uri
DiscoverableProgramMerchantSignupInfo
    signupSharedDatas:SHARED_DATA_TYPE_UNSPECIFIED|FIRST_NAME|LAST_NAME|STREET_ADDRESS|ADDRESS_LINE_1|ADDRESS_LINE_2|ADDRESS_LINE_3|CITY|STATE|ZIPCODE|COUNTRY|EMAIL|PHONE[]
    signupWebsite:Uri
ImageUri description:string localizedDescription:LocalizedString uri:string
LabelValueRow columns:LabelValue[]
TranslatedString kind:string language:string value:string
ModuleViewConstraints displayInterval:TimeInterval
LoyaltyPointsBalance double:double int:int32 money:Money string:string
RotatingBarcodeValues periodMillis:int64 startDateTime:string values:string[]
RotatingBarcodeTotpDetails algorithm:TOTP_ALGORITHM_UNSPECIFIED|TOTP_SHA1
    parameters:RotatingBarcodeTotpDetailsTotpParameters[] periodMillis:int64
DateTime date:string
AppLinkDataAppLinkInfoAppTarget packageName:string targetUri:Uri
BarcodeSectionDetail fieldSelector:FieldSelector
CardRowTemplateInfo oneItem:CardRowOneItem threeItems:CardRowThreeItems twoItems:CardRowTwoItems
DetailsItemInfo item:TemplateItem
FirstRowOption fieldOption:FieldSelector
    transitOption:TRANSIT_OPTION_UNSPECIFIED|ORIGIN_AND_DESTINATION_NAMES|ORIGIN_AND_DESTINATION_CODES|ORIGIN_NAME
FieldSelector fields:FieldReference[]
LabelValue label:string localizedLabel:LocalizedString localizedValue:LocalizedString value:string
Money currencyCode:string kind:string micros:int64
RotatingBarcodeTotpDetailsTotpParameters key:string valueLength:int32
CardRowOneItem item:TemplateItem
CardRowThreeItems endItem:TemplateItem middleItem:TemplateItem startItem:TemplateItem
CardRowTwoItems endItem:TemplateItem startItem:TemplateItem
TemplateItem firstValue:FieldSelector
    predefinedItem:PREDEFINED_ITEM_UNSPECIFIED|FREQUENT_FLYER_PROGRAM_NAME_AND_NUMBER|FLIGHT_NUMBER_AND_OPERATING_FLIGHT_NUMBER
    secondValue:FieldSelector
FieldReference
    dateFormat:DATE_FORMAT_UNSPECIFIED|DATE_TIME|DATE_ONLY|TIME_ONLY|DATE_TIME_YEAR|DATE_YEAR|YEAR_MONTH|YEAR_MONTH_DAY
    fieldPath:string
";

type Fields = HashMap<&'static str, &'static str>;

static TABLE: LazyLock<HashMap<&'static str, Fields>> = LazyLock::new(|| {
    let mut table: HashMap<&str, Fields> = HashMap::new();
    let mut current = "";
    for line in SCHEMAS.lines() {
        for (place, word) in line.split_whitespace().enumerate() {
            match word.split_once(':') {
                None if place == 0 && !line.starts_with(' ') => current = word,
                None => {}
                Some((field, kind)) => {
                    table.entry(current).or_default().insert(field, kind);
                }
            }
        }
    }
    table
});

/// Checks `value` against `schema`. The error is Google's sentence about the first thing that does not fit.
pub(super) fn check(schema: &str, at: &str, value: &Value) -> Result<(), String> {
    let Some(fields) = TABLE.get(schema) else {
        return Ok(());
    };
    let Value::Object(given) = value else {
        return Err(format!(
            "Invalid value at '{at}' (type.googleapis.com/google.walletobjects.v1.{schema})"
        ));
    };
    for (name, value) in given {
        let Some(kind) = fields.get(name.as_str()) else {
            return Err(format!(
                "Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field."
            ));
        };
        let here = format!("{at}.{name}");
        match (kind.strip_suffix("[]"), value) {
            (_, Value::Null) => {}
            (Some(kind), Value::Array(items)) => {
                for (place, item) in items.iter().enumerate() {
                    check_one(kind, &format!("{here}[{place}]"), item)?;
                }
            }
            (Some(_), _) => return Err(invalid(&here, "a list", value)),
            (None, _) => check_one(kind, &here, value)?,
        }
    }
    Ok(())
}

fn check_one(kind: &str, at: &str, value: &Value) -> Result<(), String> {
    let fits = match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "double" => value.is_number(),
        "int32" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        // JSON numbers lose digits beyond 2^53, so int64 is a string; a number is taken, too.
        "int64" => value.is_i64() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok()),
        values if values.contains('|') => value
            .as_str()
            .is_some_and(|given| values.split('|').any(|value| value == given)),
        schema => return check(schema, at, value),
    };
    if fits {
        Ok(())
    } else {
        Err(invalid(at, kind, value))
    }
}

fn invalid(at: &str, kind: &str, value: &Value) -> String {
    format!("Invalid value at '{at}' ({kind}), {value}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_is_complete_in_itself() {
        assert_eq!(TABLE.len(), 56);
        for (schema, fields) in TABLE.iter() {
            for (field, kind) in fields {
                let kind = kind.trim_end_matches("[]");
                let known = matches!(kind, "string" | "boolean" | "double" | "int32" | "int64")
                    || kind.contains('|')
                    || TABLE.contains_key(kind);
                assert!(known, "{schema}.{field} has the unknown type {kind}");
            }
        }
    }

    #[test]
    fn unknown_fields_types_and_spellings_are_told_by_their_place() {
        let check = |value| check("LoyaltyObject", "loyalty_object", &value);
        assert_eq!(
            check(json!({"state": "ACTIVE", "barcode": {"type": "QR_CODE"}, "version": "7"})),
            Ok(())
        );
        assert!(check(json!({"colour": 1})).is_err_and(|text| text.contains("Unknown name \"colour\"")));
        assert!(
            check(json!({"barcode": {"type": "qrCode"}})).is_err_and(|text| text.contains("barcode.type"))
        );
        assert!(
            check(json!({"messages": [{"header": 7}]}))
                .is_err_and(|text| text.contains("messages[0].header"))
        );
        assert!(check(json!({"version": "seven"})).is_err());
        assert!(check(json!([])).is_err());
        assert_eq!(check(json!({"accountName": null})), Ok(()));
    }
}
